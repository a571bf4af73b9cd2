#include "service/deadlines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

static struct deadlines queues;

static int set_up(void **state)
{
	static const uint64_t after_ms[DEADLINES] = {
		[DEADLINE_HEAD] = 15000,
		[DEADLINE_BODY] = 30000,
		[DEADLINE_IDLE] = 65000,
		[DEADLINE_GRACE] = 250,
		[DEADLINE_WRITE] = 30000,
		[DEADLINE_LINGER] = 2000,
	};

	(void)state;
	deadlines_init(&queues, after_ms);
	return 0;
}

static void nothing_is_due_when_nothing_waits(void **state)
{
	(void)state;
	assert_true(deadlines_nearest(&queues) == CLOCK_NEVER);
	assert_null(deadlines_take_due(&queues, UINT64_MAX - 1));
	assert_null(deadlines_oldest(&queues, DEADLINE_IDLE));
}

static void the_nearest_of_all_queues_counts(void **state)
{
	struct deadline idle = {0}, head = {0}, linger = {0};

	(void)state;
	deadline_set(&queues, &idle, DEADLINE_IDLE, 1000);
	assert_int_equal(deadlines_nearest(&queues), 66000);
	deadline_set(&queues, &head, DEADLINE_HEAD, 1000);
	assert_int_equal(deadlines_nearest(&queues), 16000);
	deadline_set(&queues, &linger, DEADLINE_LINGER, 15000);
	assert_int_equal(deadlines_nearest(&queues), 16000);
	deadline_clear(&head);
	assert_int_equal(deadlines_nearest(&queues), 17000);
}

static void what_is_due_comes_once_and_in_order(void **state)
{
	struct deadline first = {0}, second = {0};

	(void)state;
	deadline_set(&queues, &first, DEADLINE_HEAD, 0);
	deadline_set(&queues, &second, DEADLINE_HEAD, 10);
	assert_null(deadlines_take_due(&queues, 14999));
	assert_ptr_equal(deadlines_take_due(&queues, 15000), &first);
	assert_int_equal(first.kind, DEADLINE_HEAD);
	assert_false(deadline_is_set(&first));
	assert_null(deadlines_take_due(&queues, 15000));
	assert_ptr_equal(deadlines_take_due(&queues, 15010), &second);
	assert_null(deadlines_take_due(&queues, UINT64_MAX - 1));
}

static void setting_again_moves_behind_the_others(void **state)
{
	struct deadline a = {0}, b = {0};

	(void)state;
	deadline_set(&queues, &a, DEADLINE_IDLE, 0);
	deadline_set(&queues, &b, DEADLINE_IDLE, 1);
	assert_ptr_equal(deadlines_oldest(&queues, DEADLINE_IDLE), &a);
	deadline_set(&queues, &a, DEADLINE_IDLE, 2);
	assert_ptr_equal(deadlines_oldest(&queues, DEADLINE_IDLE), &b);
	assert_int_equal(deadlines_nearest(&queues), 65001);
}

static void setting_another_kind_leaves_the_first_queue(void **state)
{
	struct deadline a = {0};

	(void)state;
	deadline_set(&queues, &a, DEADLINE_HEAD, 0);
	deadline_set(&queues, &a, DEADLINE_BODY, 0);
	assert_null(deadlines_oldest(&queues, DEADLINE_HEAD));
	assert_ptr_equal(deadlines_oldest(&queues, DEADLINE_BODY), &a);
}

static void clearing_twice_is_harmless(void **state)
{
	struct deadline a = {0};

	(void)state;
	deadline_clear(&a);
	deadline_set(&queues, &a, DEADLINE_HEAD, 0);
	deadline_clear(&a);
	deadline_clear(&a);
	assert_true(deadlines_nearest(&queues) == CLOCK_NEVER);
}

static void who_yields_waits_for_the_next_turn_but_keeps_nobody_asleep(void **state)
{
	struct deadline a = {0};

	(void)state;
	deadline_set(&queues, &a, DEADLINE_NEXT, 500);
	assert_int_equal(deadlines_nearest(&queues), 500);
	assert_null(deadlines_take_due(&queues, 500));
	deadlines_move(&queues, DEADLINE_NEXT, DEADLINE_NOW, 501);
	assert_ptr_equal(deadlines_take_due(&queues, 501), &a);
	assert_int_equal(a.kind, DEADLINE_NOW);
}

static void moving_keeps_the_order_and_gives_the_new_time(void **state)
{
	struct deadline all[3] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		deadline_set(&queues, &all[i], DEADLINE_IDLE, i);
	deadlines_move(&queues, DEADLINE_IDLE, DEADLINE_GRACE, 1000);
	assert_null(deadlines_oldest(&queues, DEADLINE_IDLE));
	assert_int_equal(deadlines_nearest(&queues), 1250);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		assert_ptr_equal(deadlines_take_due(&queues, 1250), &all[i]);
}

/* Against the obvious way to do it: a list that is searched. */
static void random_waits_expire_as_a_search_would_say(void **state)
{
	struct deadline all[20] = {0};
	uint64_t now = 0;

	(void)state;
	srandom(1);
	for (int step = 0; step < 20000; step++) {
		struct deadline *one = &all[random() % (long)COUNT_OF(all)];
		struct deadline *due;
		uint64_t nearest = CLOCK_NEVER;

		now += (uint64_t)random() % 2000;
		if (random() % 4 == 0)
			deadline_clear(one);
		else
			deadline_set(&queues, one,
				DEADLINE_HEAD + (enum deadline_kind)(random() % 6), now);
		for (size_t i = 0; i < COUNT_OF(all); i++) {
			if (deadline_is_set(&all[i]) && all[i].at_ms < nearest)
				nearest = all[i].at_ms;
		}
		assert_true(deadlines_nearest(&queues) == nearest);
		while ((due = deadlines_take_due(&queues, now)) != NULL)
			assert_true(due->at_ms <= now);
		assert_true(deadlines_nearest(&queues) > now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_due_when_nothing_waits, set_up),
		cmocka_unit_test_setup(the_nearest_of_all_queues_counts, set_up),
		cmocka_unit_test_setup(what_is_due_comes_once_and_in_order, set_up),
		cmocka_unit_test_setup(setting_again_moves_behind_the_others, set_up),
		cmocka_unit_test_setup(setting_another_kind_leaves_the_first_queue, set_up),
		cmocka_unit_test_setup(clearing_twice_is_harmless, set_up),
		cmocka_unit_test_setup(who_yields_waits_for_the_next_turn_but_keeps_nobody_asleep,
			set_up),
		cmocka_unit_test_setup(moving_keeps_the_order_and_gives_the_new_time, set_up),
		cmocka_unit_test_setup(random_waits_expire_as_a_search_would_say, set_up),
	};

	return cmocka_run_group_tests_name("deadlines", tests, NULL, NULL);
}
