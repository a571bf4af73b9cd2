#include "tests/unit/unit.h"

#include "init/backoff.h"

static void a_crash_loop_boots_5_times_in_6_s_and_then_once_in_10(void **state)
{
	struct backoff backoff = {0};
	uint64_t now = 1000, boots[8];

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(boots); i++) {
		now = now > backoff.due_ms ? now : backoff.due_ms;
		boots[i] = now;
		backoff_fail(&backoff, now);
	}
	assert_in_range(boots[4] - boots[0], 1000, 6000);
	assert_true(boots[5] - boots[0] > 6000);
	assert_int_equal(boots[6] - boots[5], 10000);
	assert_int_equal(boots[7] - boots[6], 10000);
	assert_true(backoff_is_loop(&backoff));
}

static void one_crash_is_healed_at_once(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	backoff_fail(&backoff, 1000);
	assert_int_equal(backoff.due_ms, 1000);
	assert_false(backoff_is_loop(&backoff));
}

static void who_is_killed_again_and_again_waits_a_second_and_no_more(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	backoff_kill(&backoff, 1000);
	assert_int_equal(backoff.due_ms, 1000);
	for (int i = 0; i < 20; i++)
		backoff_kill(&backoff, 1000);
	assert_int_equal(backoff.due_ms, 2000);
	assert_false(backoff_is_loop(&backoff));
}

static void a_loop_stays_one_when_somebody_kills_in_it(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	for (int i = 0; i < 5; i++)
		backoff_fail(&backoff, 1000);
	backoff_kill(&backoff, 1000);
	assert_true(backoff_is_loop(&backoff));
	assert_int_equal(backoff.due_ms, 11000);
}

static void a_proven_worker_clears_the_past(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	for (int i = 0; i < 20; i++)
		backoff_fail(&backoff, 1000);
	backoff_clear(&backoff);
	assert_int_equal(backoff.due_ms, 0);
	assert_false(backoff_is_loop(&backoff));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_loop_boots_5_times_in_6_s_and_then_once_in_10),
		cmocka_unit_test(one_crash_is_healed_at_once),
		cmocka_unit_test(who_is_killed_again_and_again_waits_a_second_and_no_more),
		cmocka_unit_test(a_loop_stays_one_when_somebody_kills_in_it),
		cmocka_unit_test(a_proven_worker_clears_the_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
