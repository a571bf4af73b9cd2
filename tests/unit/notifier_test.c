/* What the kernel asks about refused calls: real filters, in children. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"
#include "seccomp/notifier.h"

struct prisoner {
	pid_t pid;
	int notifier;
};

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

	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		&filter);
}

/* In the child: hands its notifier over as a worker does, and asks for as long as it may. */
NORETURN static void be_prisoner(int channel, bool asks)
{
	int notifier = confine();

	if (notifier < 0 || channel_send_fd(channel, MESSAGE_CONFINED, notifier) != 0)
		_exit(2);
	fd_close(&notifier);
	while (asks && syscall(SYS_getppid, 11L, 12L) >= 0)
		;
	(void)pause();
	_exit(errno == ENOSYS ? 0 : 1);
}

static struct prisoner take_prisoner(bool asks)
{
	struct prisoner prisoner = {.notifier = -1};
	struct message message;
	int own, other, outcome;

	assert_int_equal(channel_pair(&own, &other), 0);
	prisoner.pid = fork();
	assert_true(prisoner.pid >= 0);
	if (prisoner.pid == 0)
		be_prisoner(other, asks);
	fd_close(&other);
	(void)poll(&(struct pollfd){.fd = own, .events = POLLIN}, 1, -1);
	outcome = channel_receive(own, CHANNEL_WORKER, &message);
	fd_close(&own);
	assert_int_equal(outcome, 1);
	prisoner.notifier = message.fd;
	return prisoner;
}

static void release(struct prisoner *prisoner)
{
	(void)kill(prisoner->pid, SIGKILL);
	(void)waitpid(prisoner->pid, NULL, 0);
	fd_close(&prisoner->notifier);
}

static int events_of(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	(void)poll(&one, 1, -1);
	return one.revents;
}

static void what_is_no_notifier_is_known(void **state)
{
	int others[] = {eventfd(0, EFD_CLOEXEC), epoll_create1(EPOLL_CLOEXEC),
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), open("/", O_PATH | O_CLOEXEC),
		open("/dev/null", O_RDWR | O_CLOEXEC),
		open("/proc/self/stat", O_RDONLY | O_CLOEXEC), fd_shared("test", 1)};
	struct prisoner prisoner = take_prisoner(false);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_true(others[i] >= 0);
		assert_int_equal(notifier_check(others[i]), -EPROTO);
		fd_close(&others[i]);
	}
	assert_int_equal(notifier_check(-1), -EPROTO);
	assert_int_equal(notifier_check(prisoner.notifier), 0);
	release(&prisoner);
}

static void a_call_waits_until_it_may_go_on(void **state)
{
	struct prisoner prisoner = take_prisoner(true);
	struct petition petition;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(events_of(prisoner.notifier), POLLIN);
		assert_int_equal(notifier_receive(prisoner.notifier, &petition), 1);
		assert_int_equal(petition.pid, prisoner.pid);
		assert_int_equal(petition.number, SYS_getppid);
		assert_int_equal(petition.argument[0], 11);
		assert_int_equal(petition.argument[1], 12);
		assert_true(notifier_is_open(prisoner.notifier, &petition));
		assert_int_equal(notifier_continue(prisoner.notifier, &petition), 0);
		assert_false(notifier_is_open(prisoner.notifier, &petition));
	}
	release(&prisoner);
}

static void who_was_killed_asks_no_more(void **state)
{
	struct prisoner prisoner = take_prisoner(true);
	struct petition petition;

	(void)state;
	assert_int_equal(events_of(prisoner.notifier), POLLIN);
	assert_int_equal(notifier_receive(prisoner.notifier, &petition), 1);
	(void)kill(prisoner.pid, SIGKILL);
	(void)waitpid(prisoner.pid, NULL, 0);
	assert_false(notifier_is_open(prisoner.notifier, &petition));
	assert_int_equal(notifier_continue(prisoner.notifier, &petition), 0);
	assert_int_equal(events_of(prisoner.notifier) & (POLLIN | POLLHUP), POLLHUP);
	release(&prisoner);
}

/* It was there when epoll looked. Neither waits. */
static void who_was_killed_before_it_was_heard_is_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct prisoner prisoner = take_prisoner(true);
		struct petition petition;

		assert_int_equal(events_of(prisoner.notifier), POLLIN);
		(void)kill(prisoner.pid, SIGKILL);
		(void)waitpid(prisoner.pid, NULL, 0);
		assert_int_equal(notifier_receive(prisoner.notifier, &petition), 0);
		release(&prisoner);
	}
}

/* Another one that holds the notifier was quicker: the kernel would let us wait for ever. */
static void who_waits_in_vain_waits_a_moment(void **state)
{
	struct prisoner prisoner = take_prisoner(false);
	struct petition petition;
	sigset_t pending;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(notifier_receive(prisoner.notifier, &petition), -ETIMEDOUT);
	assert_int_equal(sigpending(&pending), 0);
	assert_false(sigismember(&pending, SIGALRM));
	release(&prisoner);
}

/* It is not ours: the loop shall read it, and then ask again. */
static void an_alarm_that_somebody_sent_stays_pending(void **state)
{
	struct prisoner prisoner = take_prisoner(true);
	const struct timespec at_once = {0, 0};
	struct petition petition;
	sigset_t alarm_alone;
	siginfo_t info;
	pid_t sender;

	(void)state;
	assert_int_equal(events_of(prisoner.notifier), POLLIN);
	sender = fork();
	if (sender == 0)
		_exit(kill(getppid(), SIGALRM) == 0 ? 0 : 1);
	assert_int_equal(waitpid(sender, NULL, 0), sender);
	assert_int_equal(notifier_receive(prisoner.notifier, &petition), 0);
	(void)sigemptyset(&alarm_alone);
	(void)sigaddset(&alarm_alone, SIGALRM);
	assert_int_equal(sigtimedwait(&alarm_alone, &info, &at_once), SIGALRM);
	assert_int_equal(info.si_pid, sender);
	assert_int_equal(notifier_receive(prisoner.notifier, &petition), 1);
	assert_int_equal(sigtimedwait(&alarm_alone, &info, &at_once), -1);
	release(&prisoner);
}

static void *kill_soon(void *context)
{
	const struct prisoner *prisoner = context;

	(void)kill(prisoner->pid, SIGKILL);
	return NULL;
}

/* Killed at any moment of being heard: the answer is one of these, and comes. */
static void a_kill_at_any_moment_keeps_nobody_waiting(void **state)
{
	unsigned heard = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct prisoner prisoner = take_prisoner(true);
		struct petition petition;
		pthread_t killer;
		int outcome = 0;

		assert_int_equal(events_of(prisoner.notifier), POLLIN);
		assert_int_equal(pthread_create(&killer, NULL, kill_soon, &prisoner), 0);
		outcome = notifier_receive(prisoner.notifier, &petition);
		assert_in_range(outcome, 0, 1);
		heard += outcome == 1;
		if (outcome == 1)
			assert_int_equal(notifier_continue(prisoner.notifier, &petition), 0);
		assert_int_equal(pthread_join(killer, NULL), 0);
		release(&prisoner);
	}
	print_message("heard before the kill: %u of 300\n", heard);
}

static int block_alarm(void **state)
{
	sigset_t set;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	return sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_notifier_is_known),
		cmocka_unit_test(a_call_waits_until_it_may_go_on),
		cmocka_unit_test(who_was_killed_asks_no_more),
		cmocka_unit_test(who_was_killed_before_it_was_heard_is_nobody),
		cmocka_unit_test(who_waits_in_vain_waits_a_moment),
		cmocka_unit_test(an_alarm_that_somebody_sent_stays_pending),
		cmocka_unit_test(a_kill_at_any_moment_keeps_nobody_waiting),
	};

	return cmocka_run_group_tests(tests, block_alarm, NULL);
}
