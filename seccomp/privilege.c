#include "seccomp/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* root is nobody special, nothing is kept over a change of ids, and no bit of these may change. */
#define NO_PRIVILEGE                                                      \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |  \
		SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | \
		SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static bool has_setpcap(void)
{
	cap_t all = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (all == NULL)
		return false;
	(void)cap_get_flag(all, CAP_SETPCAP, CAP_EFFECTIVE, &value);
	(void)cap_free(all);
	return value == CAP_SET;
}

/*
 * What only CAP_SETPCAP may: the bounding set and the secure bits. Without it both stay as they
 * are, and mean nothing more once no_new_privs is set.
 */
static int close_bounds(struct readback *wanted)
{
	unsigned bits = cap_get_secbits() | NO_PRIVILEGE;

	if (!has_setpcap())
		return 0;
	for (cap_value_t i = 0; i < cap_max_bits(); i++) {
		if (cap_get_bound(i) == CAP_SET && cap_drop_bound(i) != 0)
			return -errno;
	}
	/* What is locked already stays as it is: if that is open, this is refused. */
	if (cap_set_secbits(bits) != 0)
		return -errno;
	readback_want(wanted, READBACK_BOUNDING, 0);
	readback_want(wanted, READBACK_SECURE_BITS, bits);
	return 0;
}

static int forbid_new(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 ? 0 : -errno;
}

static int empty_ambient(void)
{
	return cap_reset_ambient() == 0 ? 0 : -errno;
}

static int empty_sets(void)
{
	cap_t none = cap_init();
	int error = none != NULL && cap_set_proc(none) == 0 ? 0 : -errno;

	(void)cap_free(none);
	return error;
}

/* The proof by trial: who could become root again has not given up anything. */
static int verify_no_return(void)
{
	if (geteuid() == 0)
		return 0;
	return setuid(0) != 0 && seteuid(0) != 0 && setgroups(0, NULL) != 0 ? 0 : -EPERM;
}

/*
 * Whoever possesses a session keyring may read its keys, whatever the uid (keyrings(7)): root's
 * stays behind. As root, for the new one counts towards its maker's quota. Where the kernel has no
 * keys, or a filter forbids to ask for them, there are none to be had later either.
 */
static int leave_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		return 0;
	return errno == ENOSYS || errno == EPERM || errno == EACCES ? 0 : -errno;
}

static int report(struct text *why, const char *step, int error)
{
	if (error != 0)
		text_printf(why, "giving up privileges: %s: %s", step, strerror(-error));
	return error;
}

static int refuse_id(const char *call, unsigned id, struct text *why)
{
	int error = -errno;

	text_printf(why, "giving up privileges: %s(%u): %s", call, id, strerror(-error));
	if (error == -EINVAL)
		text_add(why, ": not mapped in this user namespace");
	return error;
}

static const struct groups *groups_of(const struct privilege *privilege)
{
	static const struct groups none;

	return privilege->groups != NULL ? privilege->groups : &none;
}

/* As sets: the kernel keeps them in an order of its own. */
static bool has_groups(const struct groups *wanted)
{
	gid_t found[GROUPS_MAX];
	int count = getgroups(GROUPS_MAX, found);

	if (count < 0 || (size_t)count != wanted->count)
		return false;
	for (size_t i = 0; i < wanted->count; i++) {
		size_t at = 0;

		while (at < wanted->count && found[at] != wanted->id[i])
			at++;
		if (at == wanted->count)
			return false;
	}
	return true;
}

/* Skips what is already so: a container without CAP_SETGID may have been started right. */
static int change_ids(const struct privilege *want, struct text *why)
{
	const struct groups *groups = groups_of(want);

	if (!has_groups(groups) && setgroups(groups->count, groups->id) != 0)
		return refuse_id("setgroups", (unsigned)groups->count, why);
	if (setresgid(want->gid, want->gid, want->gid) != 0)
		return refuse_id("setresgid", want->gid, why);
	if (setresuid(want->uid, want->uid, want->uid) != 0)
		return refuse_id("setresuid", want->uid, why);
	return 0;
}

/* Who changes nothing shall at least be one user: with root as the real one, root is a call away.
 */
static void want(const struct privilege *privilege, struct readback *wanted)
{
	static const enum readback_field none[] = {READBACK_INHERITABLE, READBACK_PERMITTED,
		READBACK_EFFECTIVE, READBACK_AMBIENT};
	uid_t uid = privilege->change ? privilege->uid : geteuid();
	gid_t gid = privilege->change ? privilege->gid : getegid();

	for (size_t i = 0; i < COUNT_OF(none); i++)
		readback_want(wanted, none[i], 0);
	readback_want(wanted, READBACK_NO_NEW_PRIVS, 1);
	for (int i = READBACK_UID_REAL; i <= READBACK_UID_FILES; i++)
		readback_want(wanted, (enum readback_field)i, uid);
	for (int i = READBACK_GID_REAL; i <= READBACK_GID_FILES; i++)
		readback_want(wanted, (enum readback_field)i, gid);
	if (privilege->change)
		readback_want(wanted, READBACK_GROUPS, groups_of(privilege)->count);
}

static int read_back(const struct readback *wanted, struct text *why)
{
	struct readback found = {0};

	readback_ask(&found);
	return readback_compare(wanted, &found, why);
}

int privilege_drop(const struct privilege *privilege, struct readback *wanted, struct text *why)
{
	/* Bounds before ids, which cost the capability; sets after them, which need it. */
	int error = report(why, "bounding set and secure bits", close_bounds(wanted));

	if (error == 0 && privilege->change)
		error = report(why, "session keyring", leave_keyring());
	if (error == 0 && privilege->change)
		error = change_ids(privilege, why);
	if (error == 0)
		error = report(why, "no_new_privs", forbid_new());
	if (error == 0)
		error = report(why, "ambient capabilities", empty_ambient());
	if (error == 0)
		error = report(why, "capability sets", empty_sets());
	if (error == 0)
		error = report(why, "a way back to root is left", verify_no_return());
	if (error != 0)
		return error;
	want(privilege, wanted);
	error = read_back(wanted, why);
	if (error == 0 && privilege->change && !has_groups(groups_of(privilege)))
		error = report(why, "other supplementary groups", -EPERM);
	return error;
}
