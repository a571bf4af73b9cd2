/* Whom the arbiter takes for dead. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/opening.h"
#include "init/reap.h"

#define REFUSED 8

/* Asks its parent to trace it, and stands at the next signal, which is nothing to it. */
static pid_t start_traced(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, 0L, 0L) != 0)
		_exit(REFUSED);
	(void)raise(SIGWINCH);
	_exit(0);
}

static void one_that_asks_to_be_traced_goes_on_and_is_buried_once(void **state)
{
	static struct arbiter a;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	siginfo_t info = {0};
	bool is_there;
	pid_t pid;

	(void)state;
	assert_int_equal(opening_prepare(&a, &why), 0);
	a.log.fd = -1;
	pid = start_traced();
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT), 0);
	if (info.si_code == CLD_EXITED && info.si_status == REFUSED)
		skip(); /* as some containers have it */
	assert_int_equal(info.si_code, CLD_TRAPPED);
	reap_all(&a);
	if (a.tally.orphans == 0) { /* else it has come to its end at once */
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		reap_all(&a);
	}
	is_there = kill(pid, SIGKILL) == 0;
	assert_false(is_there);
	assert_int_equal(a.tally.orphans, 1);
	opening_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_asks_to_be_traced_goes_on_and_is_buried_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
