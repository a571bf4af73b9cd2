#include "service/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

#define MANY 200

static void they_are_due_in_the_order_of_their_times(void **state)
{
	static struct timer all[MANY];
	struct timers timers = {0};
	uint64_t before = 0;

	(void)state;
	srandom(1);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(timers_promise(&timers), 0);
		timer_set(&timers, &all[i], (uint64_t)random() % 1000);
	}
	/* Half of them are moved, and some stopped. */
	for (size_t i = 0; i < MANY; i += 2)
		timer_set(&timers, &all[i], (uint64_t)random() % 1000);
	for (size_t i = 0; i < MANY; i += 10)
		timer_stop(&timers, &all[i]);
	for (size_t i = 0; i < MANY - MANY / 10; i++) {
		struct timer *due;

		assert_true(timers_nearest(&timers) >= before);
		before = timers_nearest(&timers);
		if (before != 0)
			assert_null(timers_take_due(&timers, before - 1));
		due = timers_take_due(&timers, before);
		assert_non_null(due);
		assert_int_equal(due->at_ms, before);
		assert_int_equal(due->place, 0);
	}
	assert_int_equal(timers_nearest(&timers), CLOCK_NEVER);
	assert_null(timers_take_due(&timers, CLOCK_NEVER));
	timers_free(&timers);
}

static void one_that_is_not_set_can_be_stopped_and_forgotten(void **state)
{
	struct timers timers = {0};
	struct timer timer = {0};

	(void)state;
	assert_int_equal(timers_promise(&timers), 0);
	timer_stop(&timers, &timer);
	timer_set(&timers, &timer, 5);
	timer_set(&timers, &timer, 7);
	assert_int_equal(timers_nearest(&timers), 7);
	timers_forget(&timers, &timer);
	assert_int_equal(timers_nearest(&timers), CLOCK_NEVER);
	timers_free(&timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_due_in_the_order_of_their_times),
		cmocka_unit_test(one_that_is_not_set_can_be_stopped_and_forgotten),
	};

	return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
