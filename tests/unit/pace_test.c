#include "service/pace.h"

#include "tests/unit/unit.h"

static const struct pace_rule rule = {.timeout_ms = 30000, .rate = 240};

static bool holds(uint64_t bytes, uint64_t after_ms)
{
	const struct pace pace = {.since_ms = 5000, .bytes = bytes};

	return pace_holds(&pace, &rule, 5000 + after_ms);
}

static void nothing_is_asked_within_the_timeout(void **state)
{
	(void)state;
	assert_true(holds(0, 0));
	assert_true(holds(0, 30000));
	assert_false(holds(0, 30001));
}

static void each_second_more_has_its_bytes(void **state)
{
	(void)state;
	assert_true(holds(2400, 40000));
	assert_false(holds(2399, 40000));
	assert_true(holds(240 * 3600, 3630000));
	assert_false(holds(240 * 3600, 3630001));
	assert_true(holds(6, 30025));
	assert_false(holds(6, 30026));
}

static void one_byte_a_second_is_too_slow(void **state)
{
	(void)state;
	assert_true(holds(30, 30000));
	assert_false(holds(60, 60000));
}

static void what_came_fast_may_rest(void **state)
{
	(void)state;
	assert_true(holds(1 << 20, 60000));
	assert_true(holds((uint64_t)1 << 50, (uint64_t)1 << 40));
}

static void rate_0_asks_nothing(void **state)
{
	const struct pace pace = {0};
	const struct pace_rule any = {.timeout_ms = 1};

	(void)state;
	assert_true(pace_holds(&pace, &any, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_asked_within_the_timeout),
		cmocka_unit_test(each_second_more_has_its_bytes),
		cmocka_unit_test(one_byte_a_second_is_too_slow),
		cmocka_unit_test(what_came_fast_may_rest),
		cmocka_unit_test(rate_0_asks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
