#include "seccomp/notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>

/*
 * As the kernel numbered SECCOMP_IOCTL_NOTIF_ID_VALID up to 5.7, with the direction the wrong way
 * round; it understands that one ever since.
 */
#define ID_VALID SECCOMP_IOR(2, __u64)

#define PATIENCE_US 20000

/* Nothing here may wait for a file system, as fstat(2) does for one in user space. */
static bool is_anonymous(int fd)
{
	struct statx status;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) == 0 &&
	       (status.stx_mode & S_IFMT) == 0;
}

int notifier_check(int fd)
{
	uint64_t id = 0;

	if (!is_anonymous(fd))
		return -EPROTO;
	return ioctl(fd, ID_VALID, &id) == 0 || errno == ENOENT ? 0 : -EPROTO;
}

static void wake_up(int number)
{
	(void)number;
}

/* One that somebody sent is not ours to swallow: whoever reads signals takes it first. */
static bool is_pending(int number)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, number) == 1;
}

/*
 * SECCOMP_IOCTL_NOTIF_RECV knows no O_NONBLOCK. The kernel counts what was asked and never counts
 * down for a caller that is killed, so that behind POLLIN it does not sleep (kernel/seccomp.c):
 * unless another process that holds this descriptor is quicker. Then an alarm ends the sleep; it
 * comes again and again, as the first one may come too early.
 */
static int receive_soon(int fd, struct seccomp_notif *notif)
{
	const struct itimerval often = {{0, PATIENCE_US}, {0, PATIENCE_US}}, never = {{0}, {0}};
	const struct sigaction action = {.sa_handler = wake_up};
	struct sigaction before;
	sigset_t alarm_alone;
	int error = 0;

	(void)sigemptyset(&alarm_alone);
	(void)sigaddset(&alarm_alone, SIGALRM);
	(void)sigaction(SIGALRM, &action, &before);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	(void)sigprocmask(SIG_UNBLOCK, &alarm_alone, NULL);
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, notif) != 0)
		error = -errno;
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)sigprocmask(SIG_BLOCK, &alarm_alone, NULL);
	(void)sigaction(SIGALRM, &before, NULL);
	return error;
}

int notifier_receive(int fd, struct petition *petition)
{
	struct seccomp_notif notif = {0}; /* the kernel insists on zeroes */
	int error = is_pending(SIGALRM) ? -ENOENT : receive_soon(fd, &notif);

	if (error != 0)
		return error == -ENOENT ? 0 : error == -EINTR ? -ETIMEDOUT : error;
	*petition = (struct petition){
		.id = notif.id,
		.pid = (pid_t)notif.pid,
		.arch = notif.data.arch,
		.number = notif.data.nr,
	};
	for (size_t i = 0; i < COUNT_OF(petition->argument); i++)
		petition->argument[i] = notif.data.args[i];
	return 1;
}

bool notifier_is_open(int fd, const struct petition *petition)
{
	uint64_t id = petition->id;

	return ioctl(fd, ID_VALID, &id) == 0;
}

int notifier_continue(int fd, const struct petition *petition)
{
	struct seccomp_notif_resp answer = {
		.id = petition->id,
		.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
	};

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 || errno == ENOENT)
		return 0;
	return -errno;
}

const char *notifier_arch_name(const struct petition *petition)
{
	static const struct {
		uint32_t arch;
		const char *name;
	} names[] = {
		{AUDIT_ARCH_X86_64, "x86_64"},
		{AUDIT_ARCH_I386, "i386"},
		{AUDIT_ARCH_AARCH64, "aarch64"},
		{AUDIT_ARCH_ARM, "arm"},
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (names[i].arch == petition->arch)
			return names[i].name;
	}
	return "other";
}
