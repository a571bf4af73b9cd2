/* trouble.c - an app that does to its worker whatever the path says. For tests only. */
#include "module.h"

#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void hang(void)
{
	for (;;)
		(void)pause();
}

static void spin(void)
{
	for (volatile unsigned i = 0; i == 0;)
		;
}

static void segv(void)
{
	(void)raise(SIGSEGV);
}

static void leave(void)
{
	_exit(7);
}

static void nap(void)
{
	(void)usleep(300000);
}

static void blink(void)
{
	(void)usleep(5000);
}

/* More than a test's control group allows, and not enough to harm a machine without one. */
static void eat(void)
{
	size_t size = (size_t)256 << 20;
	char *memory = malloc(size);
	volatile char *at = memory;

	for (size_t i = 0; memory != NULL && i < size; i += 4096)
		at[i] = 1;
	free(memory);
}

static void ignore_abort(void)
{
	(void)signal(SIGABRT, SIG_IGN);
	spin();
}

/* Leaves when it finds a key of whoever started it. */
static void seek(void)
{
	if (syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "narwhal-test",
		    0) >= 0)
		leave();
}

/* A real filter forbids a system call, and ends who makes it: seccomp(2). */
static void breach(void)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(rows) / sizeof(rows[0]), rows};

	if (prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &filter) == 0)
		(void)syscall(SYS_getppid);
}

/* Says nonsense to the arbiter: the channel is the one socket of its kind. */
static void lie(void)
{
	for (int fd = 3; fd < 64; fd++) {
		int type = 0;
		socklen_t size = sizeof(type);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
			type == SOCK_SEQPACKET)
			(void)send(fd, "nonsense", 8, MSG_NOSIGNAL);
	}
	hang();
}

/* Hangs up on the arbiter, and does not end. */
static void hang_up(void)
{
	for (int fd = 3; fd < 64; fd++)
		(void)close(fd);
	hang();
}

static const struct {
	const char *path;
	void (*act)(void);
} acts[] = {
	{"/hang", hang},
	{"/spin", spin},
	{"/segv", segv},
	{"/leave", leave},
	{"/nap", nap},
	{"/blink", blink},
	{"/eat", eat},
	{"/ignore-abort", ignore_abort},
	{"/seek", seek},
	{"/breach", breach},
	{"/lie", lie},
	{"/hang-up", hang_up},
};

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes path = narwhal_request_path(request);
	char body[64];

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (is(path, acts[i].path))
			acts[i].act();
	}
	(void)snprintf(body, sizeof(body), "pid=%d uid=%d gid=%d\n", (int)getpid(), (int)getuid(),
		(int)getgid());
	say(response, body);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "trouble",
	.handle = handle,
	.calls = "clock_nanosleep,getgid,getppid,getsockopt,getuid,keyctl,pause,prctl,rt_sigaction,"
		 "seccomp,sendto,tgkill",
};
