/*
 * danger.c - an app that tries what somebody would who has broken into its worker. For tests only.
 *
 * GET /NAME?PIDS makes the attempt of that name in danger_attempts.def, and answers "done", or
 * "refused EPERM" and the like. PIDS are those of the workers, with a comma behind each: one of
 * them that is another one is the prey. /nothing attempts nothing.
 */
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sched.h>
#include <unistd.h>

struct prey {
	long arbiter, sibling, self;
};

static long page_of(int protection)
{
	return syscall(SYS_mmap, NULL, 4096L, (long)protection, MAP_PRIVATE | MAP_ANONYMOUS, -1L,
		0L);
}

static long act_code_new(const struct prey *prey)
{
	(void)prey;
	return page_of(PROT_READ | PROT_EXEC);
}

static long act_code_writable(const struct prey *prey)
{
	(void)prey;
	return page_of(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long act_code_from_data(const struct prey *prey)
{
	long page = page_of(PROT_READ | PROT_WRITE);

	(void)prey;
	return page < 0 ? page : syscall(SYS_mprotect, page, 4096L, PROT_READ | PROT_EXEC);
}

/* A program that is nowhere on a disk. */
static long act_exec_memory(const struct prey *prey)
{
	long fd = syscall(SYS_memfd_create, "danger", 0L);

	(void)prey;
	return syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH);
}

static long act_fork(const struct prey *prey)
{
	long pid = syscall(SYS_clone, (long)SIGCHLD, NULL, NULL, NULL, NULL);

	(void)prey;
	if (pid == 0)
		_exit(0);
	return pid < 0 ? pid : waitpid((pid_t)pid, NULL, 0);
}

static int leave(void *nothing)
{
	(void)nothing;
	return 0;
}

static long act_thread(const struct prey *prey)
{
	static char stack[65536] __attribute__((aligned(16)));
	int pid = clone(leave, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);

	(void)prey;
	return pid < 0 ? pid : waitpid(pid, NULL, 0);
}

static long open_of(long pid, const char *name, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	return syscall(SYS_openat, AT_FDCWD, path, (long)flags);
}

static long act_memory_of_sibling(const struct prey *prey)
{
	return open_of(prey->sibling, "mem", O_RDONLY);
}

static long act_memory_of_arbiter(const struct prey *prey)
{
	return open_of(prey->arbiter, "mem", O_RDONLY);
}

static long act_secrets_of_arbiter(const struct prey *prey)
{
	return open_of(prey->arbiter, "environ", O_RDONLY);
}

/* The sealed file with all settings, which a worker reads once and closes. */
static long act_heritage_again(const struct prey *prey)
{
	const char *fd = getenv("NARWHAL_HERITAGE");
	char byte;

	(void)prey;
	return syscall(SYS_pread64, fd != NULL ? strtol(fd, NULL, 10) : -1L, &byte, 1L, 0L);
}

static long act_more_descriptors(const struct prey *prey)
{
	struct rlimit limit;

	(void)prey;
	if (syscall(SYS_getrlimit, RLIMIT_NOFILE, &limit) != 0)
		return -1;
	return syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit);
}

static long act_socket_pair(const struct prey *prey)
{
	int pair[2];

	(void)prey;
	return syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0L, pair);
}

/* x86_64: mov $20, %eax; int $0x80; ret. 20 is getpid(2) there, and writev(2) here. */
__asm__(".pushsection .text\n"
	".hidden danger_gate\n"
	".globl danger_gate\n"
	"danger_gate:\n"
	".byte 0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3\n"
	".popsection\n");
long danger_gate(void);

static long act_i386_call(const struct prey *prey)
{
	(void)prey;
	return danger_gate();
}

#define CALL(name, without, within, app, ...)           \
	static long act_##name(const struct prey *prey) \
	{                                               \
		(void)prey;                             \
		return syscall(__VA_ARGS__);            \
	}
#define ACT(name, without, within, app)
#include "danger_attempts.def"
#undef CALL
#undef ACT

static const struct attempt {
	const char *path;
	long (*act)(const struct prey *prey);
} attempts[] = {
#define CALL(name, ...) {"/" #name, act_##name},
#define ACT CALL
#include "danger_attempts.def"
#undef CALL
#undef ACT
};

static void tell(struct narwhal_response *response, long result, int error)
{
	char text[64];

	(void)snprintf(text, sizeof(text), result >= 0 ? "done" : "refused %s",
		strerrorname_np(error));
	say(response, text);
}

static long sibling_of(const struct prey *prey, struct narwhal_bytes pids)
{
	long pid = 0, sibling = 0;

	for (size_t i = 0; i < pids.size; i++) {
		if (pids.data[i] != ',') {
			pid = 10 * pid + (pids.data[i] - '0');
			continue;
		}
		if (pid != prey->self)
			sibling = pid;
		pid = 0;
	}
	return sibling;
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes path = narwhal_request_path(request);
	struct narwhal_bytes query = narwhal_request_query(request);
	struct prey prey = *(const struct prey *)state;

	prey.sibling = sibling_of(&prey, query);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (!is(path, attempts[i].path))
			continue;
		errno = 0;
		long result = attempts[i].act(&prey);
		tell(response, result, errno);
		return;
	}
	if (!is(path, "/nothing"))
		(void)narwhal_response_status(response, 404);
}

/* While it may be asked. */
static int load(struct narwhal_host *host, void **state)
{
	static struct prey prey;

	(void)host;
	prey.arbiter = getppid();
	prey.self = getpid();
	*state = &prey;
	return 0;
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "danger",
	.load = load,
	.handle = handle,
};
