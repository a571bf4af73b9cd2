/*
 * impostor.c - a worker image that misbehaves, for tests: --worker-image impostor FILE.
 *
 * It takes its channel from the heritage as any worker does, and then does what the word in FILE
 * says: a test writes "well" there, waits until the service is ready, and then writes the fault.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/exits.h"
#include "base/heritage.h"

static void say(int fd, uint32_t type, const void *payload, size_t size)
{
	struct iovec parts[2] = {
		{.iov_base = &type, .iov_len = sizeof(type)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = size},
	};
	struct msghdr all = {.msg_iov = parts, .msg_iovlen = 2};

	(void)!sendmsg(fd, &all, MSG_NOSIGNAL);
}

NORETURN static void live_on(void)
{
	for (;;)
		(void)pause();
}

/* As a worker does that never gets a request: leaves when it is told to. */
NORETURN static void wait_for_the_end(int fd)
{
	struct pollfd channel = {.fd = fd, .events = POLLIN};

	(void)poll(&channel, 1, -1);
	_exit(EXIT_OK);
}

static void well(int fd)
{
	say(fd, MESSAGE_READY, NULL, 0);
	wait_for_the_end(fd);
}

static void leave(int fd)
{
	(void)fd;
	_exit(9);
}

static void crash(int fd)
{
	(void)fd;
	abort();
}

static void mute(int fd)
{
	(void)fd;
}

static void twice(int fd)
{
	say(fd, MESSAGE_READY, NULL, 0);
	say(fd, MESSAGE_READY, NULL, 0);
}

static void early(int fd)
{
	say(fd, MESSAGE_SPENT, NULL, 0);
}

static void awake_early(int fd)
{
	say(fd, MESSAGE_ACTIVE, NULL, 0);
}

static void late(int fd)
{
	say(fd, MESSAGE_READY, NULL, 0);
	say(fd, MESSAGE_LOAD_FAILED, "at last", 7);
}

static void repeat(int fd)
{
	for (;;)
		say(fd, MESSAGE_BOOT_FAILED, "again", 5);
}

static void flood(int fd)
{
	say(fd, MESSAGE_READY, NULL, 0);
	for (;;)
		say(fd, MESSAGE_ACTIVE, NULL, 0);
}

static void oversized(int fd)
{
	static const char payload[32768];

	say(fd, MESSAGE_BOOT_FAILED, payload, sizeof(payload));
}

/* That is a key holder's to say. */
static void accuse(int fd)
{
	say(fd, MESSAGE_READY, NULL, 0);
	say(fd, MESSAGE_REFUSED, "1", 1);
}

/* That is an exporter's. */
static void curious(int fd)
{
	say(fd, MESSAGE_READY, NULL, 0);
	say(fd, MESSAGE_SCRAPE, NULL, 0);
}

static void too_long(int fd)
{
	say(fd, MESSAGE_READY, "yes", 3);
}

static void cut_short(int fd)
{
	(void)!send(fd, "ab", 2, MSG_NOSIGNAL);
}

static void empty(int fd)
{
	(void)!send(fd, "", 0, MSG_NOSIGNAL);
}

static void unknown(int fd)
{
	say(fd, 4711, NULL, 0);
}

static void negative(int fd)
{
	say(fd, UINT32_MAX, NULL, 0);
}

static void upside_down(int fd)
{
	say(fd, MESSAGE_DRAIN, NULL, 0);
}

static void descriptors(int fd)
{
	(void)!channel_send_fd(fd, MESSAGE_READY, STDERR_FILENO);
}

/* As one that has a filter: but what it hands over is none of a filter's. */
static void confined_by_log(int fd)
{
	(void)!channel_send_fd(fd, MESSAGE_CONFINED, STDERR_FILENO);
}

static void confined_by_nothing(int fd)
{
	say(fd, MESSAGE_CONFINED, NULL, 0);
}

/* getppid(2) asks; everything else goes on. */
static int confine(void)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {COUNT_OF(rows), rows};
	int notifier = -1;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0)
		notifier = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
	if (notifier < 0)
		_exit(EXIT_BOOT);
	return notifier;
}

static void confined_twice(int fd)
{
	int notifier = confine();

	(void)!channel_send_fd(fd, MESSAGE_CONFINED, notifier);
	(void)!channel_send_fd(fd, MESSAGE_CONFINED, notifier);
}

static void confined_late(int fd)
{
	int notifier = confine();

	say(fd, MESSAGE_READY, NULL, 0);
	if (channel_send_fd(fd, MESSAGE_CONFINED, notifier) != 0)
		leave(fd); /* it takes no descriptor any more: Linux 6.16 */
}

static void confined_and_failed(int fd)
{
	(void)!channel_send_fd(fd, MESSAGE_CONFINED, confine());
	say(fd, MESSAGE_BOOT_FAILED, "after all", 9);
	_exit(EXIT_BOOT);
}

static void breach_in_boot(int fd)
{
	(void)!channel_send_fd(fd, MESSAGE_CONFINED, confine());
	(void)syscall(SYS_getppid);
}

static void breach(int fd)
{
	(void)!channel_send_fd(fd, MESSAGE_CONFINED, confine());
	say(fd, MESSAGE_READY, NULL, 0);
	(void)syscall(SYS_getppid);
}

/* Hears and answers its own questions, all the time: the arbiter comes too late, or just so. */
static void breach_and_eavesdrop(int fd)
{
	struct seccomp_notif question;
	struct seccomp_notif_resp answer;
	int notifier = confine();

	(void)!channel_send_fd(fd, MESSAGE_CONFINED, notifier);
	say(fd, MESSAGE_READY, NULL, 0);
	if (fork() == 0) {
		while (syscall(SYS_getppid) >= 0)
			;
		_exit(EXIT_OK); /* ENOSYS: nobody hears any more */
	}
	for (;;) {
		memset(&question, 0, sizeof(question));
		if (ioctl(notifier, SECCOMP_IOCTL_NOTIF_RECV, &question) != 0)
			continue;
		answer = (struct seccomp_notif_resp){
			.id = question.id,
			.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
		};
		(void)ioctl(notifier, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static void hang_up(int fd)
{
	say(fd, MESSAGE_READY, NULL, 0);
	(void)shutdown(fd, SHUT_RDWR);
}

static const struct {
	const char *name;
	void (*act)(int fd);
} acts[] = {
	{"well", well},
	{"leave", leave},
	{"crash", crash},
	{"mute", mute},
	{"twice", twice},
	{"early", early},
	{"awake_early", awake_early},
	{"late", late},
	{"accuse", accuse},
	{"curious", curious},
	{"repeat", repeat},
	{"flood", flood},
	{"oversized", oversized},
	{"too_long", too_long},
	{"cut_short", cut_short},
	{"empty", empty},
	{"unknown", unknown},
	{"negative", negative},
	{"upside_down", upside_down},
	{"descriptors", descriptors},
	{"hang_up", hang_up},
	{"confined_by_log", confined_by_log},
	{"confined_by_nothing", confined_by_nothing},
	{"confined_twice", confined_twice},
	{"confined_late", confined_late},
	{"confined_and_failed", confined_and_failed},
	{"breach_in_boot", breach_in_boot},
	{"breach", breach},
	{"breach_and_eavesdrop", breach_and_eavesdrop},
};

static void read_word(const char *path, char *word, int size)
{
	FILE *file = fopen(path, "re");

	if (file == NULL || fgets(word, size, file) == NULL)
		_exit(EXIT_BOOT);
	word[strcspn(word, "\n")] = '\0';
	(void)fclose(file);
}

int main(void)
{
	struct heritage heritage;
	char bytes[256], word[32];
	struct text why = TEXT_OVER(bytes);

	if (heritage_receive(&heritage, &why) != 0)
		return EXIT_BOOT;
	(void)prctl(PR_SET_NAME, "narwhal-worker", 0L, 0L, 0L);
	(void)prctl(PR_SET_PDEATHSIG, 9L, 0L, 0L, 0L);
	read_word(heritage.app, word, sizeof(word));
	for (size_t i = 0; i < COUNT_OF(acts); i++) {
		if (strcmp(acts[i].name, word) == 0)
			acts[i].act(heritage.channel_fd);
	}
	live_on();
}
