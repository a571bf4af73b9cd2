/* What /proc/PID/status says of signals that wait. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/liveness.h"

static void only_the_process_s_own_signals_count(void **state)
{
	static const char text[] = "Name:\tnarwhal\nSigPnd:\t0000000000010000\n"
				   "ShdPnd:\t0000000000000001\nSigBlk:\tffffffffffffffff\n";

	(void)state;
	assert_true(liveness_pending(text, SIGHUP));
	assert_false(liveness_pending(text, SIGCHLD));
	assert_true(liveness_pending("\nShdPnd:\t0000000000010000\n", SIGCHLD));
	assert_true(liveness_pending("\nShdPnd:\t8000000000000000\n", 64));
}

static void what_is_cut_or_strange_has_none(void **state)
{
	static const char *const texts[] = {"", "ShdPnd:\tffff\n", "\nShdPnd",
		"\nShdPnd:", "\nShdPnd:\tzz\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(liveness_pending(texts[i], SIGCHLD));
}

static void a_process_that_ignores_it_never_has_it_waiting(void **state)
{
	char bytes[128];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(liveness_check(getpid(), 1000, &why), 0);
	assert_int_equal(why.used, 0);
	assert_true(liveness_check(INT32_MAX, 10, &why) < 0);
	assert_string_equal(bytes, "process 2147483647: No such process");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_process_s_own_signals_count),
		cmocka_unit_test(what_is_cut_or_strange_has_none),
		cmocka_unit_test(a_process_that_ignores_it_never_has_it_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
