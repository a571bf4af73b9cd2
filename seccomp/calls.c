#include "seccomp/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "base/settings.h"

/* No architecture has as many. */
#define NUMBERS 1024

/* The words that tables are written in. */
#define CALL(name, why) {#name, why, 0, {{0}}, NULL},
#define CALL_IF(name, when, why) {#name, why, 0, {when}, #when},
#define ANSWER(name, error, why) {#name, why, error, {{0}}, NULL},
#define EQ(nth, value)                 \
	{                              \
		nth, UINT64_MAX, value \
	}
#define MASKED_EQ(nth, mask, value) \
	{                           \
		nth, mask, value    \
	}
#define AND ,
#define IGNORED CALLS_IGNORED
#define OWN_PID CALLS_OWN_PID
/* Bits of open(2) that stand for anything but reading. */
#define OPEN_CHANGES (O_ACCMODE | O_CREAT | O_TRUNC)
#define NEW_NAMESPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		CLONE_NEWPID | CLONE_NEWNET)
#define OF_A_THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

static const struct calls_row files_calls[] = {
#include "seccomp/files.def"
#include "seccomp/strict.def"
};

static const struct calls_row walk_calls[] = {
#include "seccomp/strict.def"
#include "seccomp/walk.def"
};

static const struct calls_row module_calls[] = {
#include "seccomp/module.def"
#include "seccomp/strict.def"
};

static const struct calls_row app_calls[] = {
#include "seccomp/app.def"
};

static const struct calls_row keyholder_calls[] = {
#include "seccomp/keyholder.def"
};

static const struct calls_row exporter_calls[] = {
#include "seccomp/strict.def"
};

static const struct calls_row container_calls[] = {
#include "seccomp/container.def"
};

static const struct calls_row ktls_calls[] = {
#include "seccomp/ktls.def"
};

static const struct calls_row asked_calls[] = {
#include "seccomp/asked.def"
};

#if ADDRESS_SANITIZED
static const struct calls_row build_calls[] = {
#include "seccomp/sanitizer.def"
};
#define BUILD_CALLS build_calls, COUNT_OF(build_calls)
#else
#define BUILD_CALLS NULL, 0
#endif

static const struct {
	const char *name;
	const struct calls_row *calls;
	size_t count;
} roles[CALLS_ROLES] = {
	[CALLS_FILES] = {"files", files_calls, COUNT_OF(files_calls)},
	[CALLS_WALK] = {"walk", walk_calls, COUNT_OF(walk_calls)},
	[CALLS_MODULE] = {"module", module_calls, COUNT_OF(module_calls)},
	[CALLS_APP] = {"app", app_calls, COUNT_OF(app_calls)},
	[CALLS_KEYHOLDER] = {"keyholder", keyholder_calls, COUNT_OF(keyholder_calls)},
	[CALLS_EXPORTER] = {"exporter", exporter_calls, COUNT_OF(exporter_calls)},
	[CALLS_CONTAINER] = {"container", container_calls, COUNT_OF(container_calls)},
};

static const struct danger {
	const char *name, *why;
} dangers[] = {
#define DANGER(name, why) {#name, why},
#include "seccomp/danger.def"
#undef DANGER
};

static const struct {
	const char *name, *other;
} instead[] = {
#define INSTEAD(name, other) {#name, #other},
#include "seccomp/instead.def"
#undef INSTEAD
};

const struct calls_row *calls_of(enum calls_role role, size_t *count)
{
	*count = roles[role].count;
	return roles[role].calls;
}

const char *calls_role_name(enum calls_role role)
{
	return roles[role].name;
}

const struct calls_row *calls_asked(size_t *count)
{
	*count = COUNT_OF(asked_calls);
	return asked_calls;
}

const struct calls_row *calls_of_ktls(size_t *count)
{
	*count = COUNT_OF(ktls_calls);
	return ktls_calls;
}

static bool holds(const struct calls_row *row, const uint64_t argument[CALLS_ARGUMENTS], pid_t pid)
{
	for (size_t i = 0; i < CALLS_TESTS && row->tests[i].mask != 0; i++) {
		const struct calls_test *test = &row->tests[i];
		uint64_t value = test->value != CALLS_OWN_PID ? test->value : (uint64_t)pid;

		if ((argument[test->nth] & test->mask) != value)
			return false;
	}
	return true;
}

bool calls_gives(const char *name, const uint64_t argument[CALLS_ARGUMENTS], pid_t pid)
{
	bool is_whole = true;

	for (size_t i = 0; i < COUNT_OF(asked_calls); i++) {
		const struct calls_row *row = &asked_calls[i];

		if (strcmp(row->name, name) != 0)
			continue;
		is_whole = false;
		if (row->answer == 0 && holds(row, argument, pid))
			return true;
	}
	return is_whole;
}

const struct calls_row *calls_of_build(size_t *count)
{
	static const struct {
		const struct calls_row *calls;
		size_t count;
	} build = {BUILD_CALLS};

	*count = build.count;
	return build.calls;
}

const char *calls_danger(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(dangers); i++) {
		if (strcmp(dangers[i].name, name) == 0)
			return dangers[i].why;
	}
	return NULL;
}

const char *calls_danger_name(size_t i)
{
	return i < COUNT_OF(dangers) ? dangers[i].name : NULL;
}

uint32_t calls_arch(void)
{
	return seccomp_arch_native();
}

int calls_number(uint32_t arch, const char *name)
{
	int number = seccomp_syscall_resolve_name_arch(arch, name);

	if (number >= 0)
		return number;
	if (number == __NR_SCMP_ERROR)
		return -ENOENT;
	for (size_t i = 0; i < COUNT_OF(instead); i++) {
		if (strcmp(instead[i].name, name) != 0)
			continue;
		number = seccomp_syscall_resolve_name_arch(arch, instead[i].other);
		return number >= 0 ? number : -ENOSYS;
	}
	return -ENOSYS;
}

void calls_add_name(uint32_t arch, int number, struct text *text)
{
	char *name = number >= 0 ? seccomp_syscall_resolve_num_arch(arch, number) : NULL;

	if (name != NULL)
		text_add(text, name);
	free(name);
}

int calls_newest(uint32_t arch)
{
	for (int number = NUMBERS - 1; number >= 0; number--) {
		char *name = seccomp_syscall_resolve_num_arch(arch, number);

		free(name);
		if (name != NULL)
			return number;
	}
	return -1;
}

enum calls_verdict calls_verdict(enum calls_role role, uint32_t arch, int number)
{
	enum calls_verdict verdict = CALLS_REFUSED;

	for (size_t i = 0; i < roles[role].count; i++) {
		const struct calls_row *call = &roles[role].calls[i];

		if (calls_number(arch, call->name) != number)
			continue;
		if (call->answer == 0 && call->tests[0].mask == 0)
			return CALLS_ALLOWED;
		verdict = call->answer == 0 ? CALLS_CONDITIONAL : CALLS_ANSWERED;
	}
	return verdict;
}

bool calls_item(const char **list, char name[CALLS_NAME])
{
	size_t size;
	const char *item = setting_item(list, &size);
	struct text text = {.bytes = name, .size = CALLS_NAME};

	name[0] = '\0';
	if (item != NULL)
		text_add_bytes(&text, item, size);
	return item != NULL;
}

bool calls_lists(const char *list, const char *name)
{
	char item[CALLS_NAME];

	while (calls_item(&list, item)) {
		if (strcmp(item, name) == 0)
			return true;
	}
	return false;
}

/* Of the calls of this machine. */
static void add_nearest(const char *wanted, struct text *why)
{
	char best[CALLS_NAME] = "";
	unsigned distance = CALLS_NAME;

	for (int number = 0; number < NUMBERS; number++) {
		char bytes[CALLS_NAME];
		struct text name = TEXT_OVER(bytes);
		unsigned n;

		calls_add_name(calls_arch(), number, &name);
		n = name.used != 0 ? text_distance(wanted, bytes, distance) : distance;
		if (n < distance)
			memcpy(best, bytes, sizeof(best));
		distance = n;
	}
	text_printf(why, "; nearest is %s", best);
}

int calls_check(const char *list, struct text *why)
{
	char name[CALLS_NAME];

	while (calls_item(&list, name)) {
		if (calls_number(calls_arch(), name) != -ENOENT)
			continue;
		text_printf(why, "\"%s\" is no system call", name);
		add_nearest(name, why);
		return -EINVAL;
	}
	return 0;
}
