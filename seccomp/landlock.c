#include "seccomp/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* linux/landlock.h of Debian 12 ends at ABI 2: what came later stands here, and there alone. */
#define ASK_VERSION 1U	/* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_BENEATH 1	/* LANDLOCK_RULE_PATH_BENEATH */
#define RULE_NET_PORT 2 /* LANDLOCK_RULE_NET_PORT */

/* The kernel's one is packed: it does not look at what the alignment puts behind `fd`. */
struct beneath_rule {
	uint64_t allowed;
	int32_t fd;
};

struct port_rule {
	uint64_t allowed;
	uint64_t port;
};

enum kind {
	FILES,
	PORTS,
	SCOPES,
};

static const struct right {
	enum kind kind;
	uint64_t bit;
	int abi;
	bool on_file;
	enum landlock_grant given;
} rights[] = {
#define ANY true
#define TREE false
#define RIGHT(kind, name, bit, abi, on, given) {kind, 1ULL << (bit), abi, on, LANDLOCK_##given},
#include "seccomp/landlock.def"
#undef RIGHT
#undef TREE
#undef ANY
};

struct landlock_rights landlock_all(int abi)
{
	struct landlock_rights all = {0};
	uint64_t *const masks[] = {
		[FILES] = &all.files,
		[PORTS] = &all.ports,
		[SCOPES] = &all.scopes,
	};

	for (size_t i = 0; i < COUNT_OF(rights); i++) {
		if (rights[i].abi <= abi)
			*masks[rights[i].kind] |= rights[i].bit;
	}
	return all;
}

uint64_t landlock_given(int abi, enum landlock_grant grant, bool directory)
{
	uint64_t given = 0;

	for (size_t i = 0; i < COUNT_OF(rights); i++) {
		const struct right *right = &rights[i];
		bool is_meant = right->given == grant ||
				(right->given == LANDLOCK_READ &&
					(grant == LANDLOCK_WRITE || grant == LANDLOCK_RUN));

		if (is_meant && right->abi <= abi && (directory || right->on_file))
			given |= right->bit;
	}
	return given;
}

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, ASK_VERSION);

	if (abi < 0)
		return -errno;
	return abi > 0 ? (int)abi : -ENOSYS;
}

const char *landlock_remedy(int error)
{
	switch (error) {
	case -ENOSYS:
		return "the kernel has no Landlock, or a seccomp profile around us hides it: it "
		       "takes Linux 5.13 with CONFIG_SECURITY_LANDLOCK";
	case -EOPNOTSUPP:
		return "the kernel's Landlock is off: it must stand in the boot parameter lsm=";
	case -E2BIG:
		return "16 Landlock sandboxes are around us already, and the kernel allows no more";
	default:
		return "a seccomp profile around us forbids it: it must allow "
		       "landlock_create_ruleset, landlock_add_rule and landlock_restrict_self";
	}
}

int landlock_read_port(const char *item, size_t size, uint16_t *port, struct text *why)
{
	uint64_t number = 0;
	int error = text_to_uint(item, size, UINT16_MAX, &number);

	*port = (uint16_t)number;
	if (error != 0)
		text_printf(why,
			"landlock_connect: \"%.*s\": allowed are ports, 0 to 65535, or * alone",
			(int)size, item);
	return error;
}

int landlock_open(struct landlock *landlock, int abi, bool connect)
{
	struct landlock_rights taken = landlock_all(abi);

	if (connect)
		taken.ports &= ~landlock_given(abi, LANDLOCK_CONNECT, true);
	*landlock = (struct landlock){.abi = abi, .connects = connect};
	/* A kernel that knows less of the struct takes it if the rest is 0, as it is then. */
	landlock->fd = (int)syscall(SYS_landlock_create_ruleset, &taken, sizeof(taken), 0U);
	return landlock->fd >= 0 ? 0 : -errno; /* it is close-on-exec */
}

void landlock_close(struct landlock *landlock)
{
	fd_close(&landlock->fd);
}

static int add_rule(const struct landlock *landlock, int type, const void *rule)
{
	return syscall(SYS_landlock_add_rule, landlock->fd, type, rule, 0U) == 0 ? 0 : -errno;
}

static bool is_root(const struct stat *status)
{
	struct stat root;

	return stat("/", &root) == 0 && root.st_dev == status->st_dev &&
	       root.st_ino == status->st_ino;
}

int landlock_allow(struct landlock *landlock, int fd, enum landlock_grant grant)
{
	struct beneath_rule rule = {.fd = fd};
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	rule.allowed = landlock_given(landlock->abi, grant, S_ISDIR(status.st_mode));
	landlock->reads_root = landlock->reads_root || is_root(&status);
	return add_rule(landlock, RULE_BENEATH, &rule);
}

int landlock_allow_port(struct landlock *landlock, uint16_t port)
{
	const struct port_rule rule = {
		.allowed = landlock_given(landlock->abi, LANDLOCK_CONNECT, false),
		.port = port,
	};

	return rule.allowed != 0 && !landlock->connects ? add_rule(landlock, RULE_NET_PORT, &rule)
							: 0;
}

int landlock_prove(const struct landlock *landlock)
{
	FD_SCOPED fd = -1;

	if (landlock->reads_root)
		return 0;
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 && errno == EACCES ? 0 : -EPERM;
}

/* Who looks for leaks when a worker ends, reads there. */
static int allow_sanitizer(struct landlock *landlock)
{
	FD_SCOPED fd = open("/proc", O_PATH | O_CLOEXEC);

	return fd >= 0 ? landlock_allow(landlock, fd, LANDLOCK_READ) : 0;
}

int landlock_enforce(struct landlock *landlock)
{
	int error = ADDRESS_SANITIZED ? allow_sanitizer(landlock) : 0;

	if (error == 0 && syscall(SYS_landlock_restrict_self, landlock->fd, 0U) != 0)
		error = -errno;
	landlock_close(landlock);
	return error == 0 ? landlock_prove(landlock) : error;
}
