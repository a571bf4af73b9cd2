#include "tests/unit/unit.h"

#include "base/clock.h"
#include "init/wish.h"

static struct wish fresh(void)
{
	struct wish wish;
	const struct wish_limits limits = {.drain_delay = 5000,
		.drain = 60000,
		.quick = 3000,
		.sweep = 1000};
	const struct crew crew = {.generation = 1, .workers = 2, .min_ready = 1, .surge = 2};

	wish_init(&wish, &crew, 4, &limits);
	return wish;
}

static void a_stop_lingers_then_drains_then_sweeps(void **state)
{
	struct wish wish = fresh();

	(void)state;
	assert_true(wish_move(&wish, TURN_STOP, 100));
	assert_int_equal(wish.phase, PHASE_LINGER);
	assert_int_equal(wish.deadline_ms, 5100);
	assert_true(wish_is_serving(&wish) && wish_is_ending(&wish));
	assert_true(wish_move(&wish, TURN_OVERDUE, 5100));
	assert_int_equal(wish.phase, PHASE_DRAIN);
	assert_int_equal(wish.deadline_ms, 65100);
	assert_false(wish_is_serving(&wish));
	assert_true(wish_move(&wish, TURN_EMPTY, 6000));
	assert_int_equal(wish.phase, PHASE_SWEEP);
	assert_true(wish_move(&wish, TURN_ALONE, 6000));
	assert_int_equal(wish.phase, PHASE_GONE);
}

static void asked_twice_it_hurries(void **state)
{
	struct wish wish = fresh();

	(void)state;
	assert_true(wish_move(&wish, TURN_STOP, 1));
	assert_true(wish_move(&wish, TURN_STOP, 2));
	assert_int_equal(wish.phase, PHASE_QUICK);
	assert_false(wish_move(&wish, TURN_STOP, 3));
	assert_int_equal(wish.phase, PHASE_QUICK);
}

static void a_sweep_that_is_not_heeded_kills_and_then_leaves(void **state)
{
	struct wish wish = fresh();

	(void)state;
	assert_true(wish_move(&wish, TURN_QUICK, 1));
	assert_true(wish_move(&wish, TURN_EMPTY, 2));
	assert_true(wish_move(&wish, TURN_OVERDUE, 1002));
	assert_int_equal(wish.phase, PHASE_KILL);
	assert_true(wish_move(&wish, TURN_OVERDUE, 2002));
	assert_int_equal(wish.phase, PHASE_GONE);
}

static void who_cannot_be_ended_does_not_hold_up_the_end(void **state)
{
	struct wish wish = fresh();

	(void)state;
	for (int i = 0; wish.phase != PHASE_GONE && i < PHASES; i++) {
		(void)wish_move(&wish, TURN_STOP, wish.deadline_ms);
		assert_true(wish_move(&wish, TURN_OVERDUE, wish.deadline_ms));
	}
	assert_int_equal(wish.phase, PHASE_GONE);
}

static void there_is_always_a_way_to_the_end(void **state)
{
	(void)state;
	for (int phase = 0; phase < PHASE_GONE; phase++) {
		struct wish wish = fresh();

		wish.phase = (enum phase)phase;
		for (int i = 0; i < PHASES; i++) {
			(void)wish_move(&wish, TURN_QUICK, 1);
			(void)wish_move(&wish, TURN_EMPTY, 1);
			(void)wish_move(&wish, TURN_OVERDUE, 1);
		}
		assert_int_equal(wish.phase, PHASE_GONE);
	}
}

static void workers_are_at_least_one_and_at_most_the_most(void **state)
{
	struct wish wish = fresh();

	(void)state;
	assert_true(wish_fewer(&wish));
	assert_false(wish_fewer(&wish));
	assert_int_equal(wish.crew.workers, 1);
	while (wish_more(&wish))
		;
	assert_int_equal(wish.crew.workers, 4);
}

static void what_rests_can_be_woken_and_stopped(void **state)
{
	struct wish wish = fresh();

	(void)state;
	assert_true(wish_move(&wish, TURN_REST, 1));
	assert_false(wish_is_serving(&wish) || wish_is_ending(&wish));
	assert_true(wish_move(&wish, TURN_WAKE, 2));
	assert_true(wish_is_serving(&wish));
	assert_true(wish_move(&wish, TURN_REST, 3));
	assert_true(wish_move(&wish, TURN_STOP, 4));
	assert_int_equal(wish.phase, PHASE_DRAIN);
}

static void more_and_fewer_count_for_the_candidate_too(void **state)
{
	struct wish wish = fresh();

	(void)state;
	wish.candidate = (struct crew){.generation = 2, .workers = 3, .min_ready = 1, .surge = 3};
	assert_true(wish_more(&wish));
	assert_false(wish_more(&wish));
	wish_promote(&wish);
	assert_int_equal(wish.crew.generation, 2);
	assert_int_equal(wish.crew.workers, 4);
	assert_int_equal(wish.candidate.generation, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stop_lingers_then_drains_then_sweeps),
		cmocka_unit_test(asked_twice_it_hurries),
		cmocka_unit_test(a_sweep_that_is_not_heeded_kills_and_then_leaves),
		cmocka_unit_test(who_cannot_be_ended_does_not_hold_up_the_end),
		cmocka_unit_test(there_is_always_a_way_to_the_end),
		cmocka_unit_test(what_rests_can_be_woken_and_stopped),
		cmocka_unit_test(more_and_fewer_count_for_the_candidate_too),
		cmocka_unit_test(workers_are_at_least_one_and_at_most_the_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
