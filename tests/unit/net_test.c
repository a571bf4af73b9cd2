#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/net.h"
#include "init/signals.h"

#define FELL 0 /* the status of true(1), which is the image before */
#define STOOD 42

/* With the net spread, in a child: what is done there, and the status that it ends with. */
static int status_of(void (*act)(void), unsigned seconds)
{
	static char *const argv[] = {(char *)(uintptr_t) "true", NULL};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct net net = {open("/bin/true", O_PATH | O_CLOEXEC), argv, environ, NULL};
		void *memory = aligned_alloc(4096, NET_SIZE);
		struct signals_found ignored;

		signals_block(&ignored);
		net_spread(&net, memory, seconds);
		act();
		net_remove();
		_exit(STOOD);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void fault(void)
{
	*(volatile int *)(uintptr_t)getpagesize() = 1;
}

static void hang(void)
{
	for (;;)
		(void)pause();
}

static void nothing(void)
{
}

/* By a process of its own: what we send ourselves is abort(3). */
static void be_sent(int number)
{
	pid_t to = getpid(), pid = fork();

	if (pid == 0) {
		(void)kill(to, number);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

static void be_sent_faults(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGALRM};
	struct timespec now = {0};
	siginfo_t info;
	sigset_t set;

	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		be_sent(numbers[i]);
	net_remove();
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		(void)sigemptyset(&set);
		(void)sigaddset(&set, numbers[i]);
		if (sigtimedwait(&set, &info, &now) != numbers[i] || info.si_code != SI_USER ||
			info.si_pid == getpid())
			_exit(1);
	}
}

static void a_fault_an_abort_and_a_hang_fall_into_it(void **state)
{
	(void)state;
	assert_int_equal(status_of(fault, 60), FELL);
	assert_int_equal(status_of(abort, 60), FELL);
	assert_int_equal(status_of(hang, 1), FELL);
}

/* The image before finds the soft limit that it left. */
static void what_was_raised_is_given_back(void **state)
{
	static char *const argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t) "test $(ulimit -Sn) -eq 77", NULL};
	const struct rlimit found = {.rlim_cur = 77, .rlim_max = 500};
	struct descriptors descriptors = {.raised = false};
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		const struct net net = {open("/bin/sh", O_PATH | O_CLOEXEC), argv, environ,
			&descriptors};

		if (setrlimit(RLIMIT_NOFILE, &found) != 0)
			_exit(1);
		descriptors_raise(&descriptors);
		net_return(&net);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void whoever_does_none_of_these_goes_on(void **state)
{
	(void)state;
	assert_int_equal(status_of(nothing, 60), STOOD);
}

static void a_signal_that_somebody_sent_makes_nobody_fall_and_stays_pending(void **state)
{
	(void)state;
	assert_int_equal(status_of(be_sent_faults, 60), STOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_an_abort_and_a_hang_fall_into_it),
		cmocka_unit_test(what_was_raised_is_given_back),
		cmocka_unit_test(whoever_does_none_of_these_goes_on),
		cmocka_unit_test(a_signal_that_somebody_sent_makes_nobody_fall_and_stays_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
