#include "tests/unit/unit.h"

#include "base/clock.h"
#include "init/roster.h"

#define SLOTS 4

static const struct roster_limits limits = {.boot_timeout = 60000,
	.graceful_timeout = 30000,
	.hurry = 1000};

static int begin(void **state)
{
	static struct roster roster;

	*state = &roster;
	return roster_init(&roster, SLOTS, 0, &limits);
}

static int end(void **state)
{
	roster_free(*state);
	return 0;
}

static void walk(struct roster *roster, unsigned slot, const enum event *events, uint64_t now)
{
	for (; *events != EVENTS; events++)
		assert_true(roster_step(roster, slot, *events, now));
}

#define WALK(roster, slot, now, ...) \
	walk(roster, slot, (const enum event[]){__VA_ARGS__, EVENTS}, now)

static void an_impossible_event_changes_nothing(void **state)
{
	struct roster *roster = *state;

	for (int event = 0; event < EVENTS; event++) {
		struct slot before = roster->slots[0];

		if (event == EVENT_SPAWNED || event == EVENT_REFUSED)
			continue;
		assert_int_equal(roster_next(roster, 0, (enum event)event), STATES);
		assert_false(roster_step(roster, 0, (enum event)event, 7));
		assert_memory_equal(&before, &roster->slots[0], sizeof(before));
	}
}

static void every_state_but_vacant_ends_by_exit(void **state)
{
	struct roster *roster = *state;

	for (int s = STATE_VACANT + 1; s < STATES; s++) {
		roster->slots[0].state = (enum state)s;
		assert_int_equal(roster_next(roster, 0, EVENT_EXITED), STATE_VACANT);
	}
}

static void a_boot_has_a_deadline_and_serving_has_none(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 1, 1000, EVENT_SPAWNED);
	assert_int_equal(roster->slots[1].deadline_ms, 61000);
	WALK(roster, 1, 2000, EVENT_READY);
	assert_true(roster->slots[1].deadline_ms == CLOCK_NEVER);
	assert_int_equal(roster->slots[1].served_ms, 2000);
	WALK(roster, 1, 5000, EVENT_RETIRED);
	assert_int_equal(roster->slots[1].deadline_ms, 35000);
}

static void a_hung_worker_is_aborted_then_doomed_for_its_timeout(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_HUNG);
	assert_int_equal(roster->slots[0].state, STATE_ABORTED);
	WALK(roster, 0, 1001, EVENT_OVERDUE);
	assert_int_equal(roster->slots[0].state, STATE_DOOMED);
	assert_int_equal(roster->slots[0].cause, CAUSE_TIMEOUT);
}

static void ready_said_twice_costs_the_worker_its_life(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_READY);
	assert_int_equal(roster->slots[0].state, STATE_DOOMED);
	assert_int_equal(roster->slots[0].cause, CAUSE_MISBEHAVED);
}

/* It waits in the call that it may not make, so there is nothing to wait for. */
static void a_refused_call_is_the_death_of_whoever_lives(void **state)
{
	static const enum event ways[][4] = {
		{EVENT_SPAWNED, EVENT_BREACHED, EVENTS},
		{EVENT_SPAWNED, EVENT_READY, EVENT_BREACHED, EVENTS},
		{EVENT_SPAWNED, EVENT_READY, EVENT_SPENT, EVENT_BREACHED},
		{EVENT_SPAWNED, EVENT_READY, EVENT_RETIRED, EVENT_BREACHED},
		{EVENT_SPAWNED, EVENT_READY, EVENT_HURRIED, EVENT_BREACHED},
		{EVENT_SPAWNED, EVENT_READY, EVENT_HUNG_UP, EVENT_BREACHED},
	};
	struct roster *roster = *state;

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		for (size_t n = 0; n < COUNT_OF(ways[i]) && ways[i][n] != EVENTS; n++)
			assert_true(roster_step(roster, 0, ways[i][n], 1));
		assert_int_equal(roster->slots[0].state, STATE_DOOMED);
		assert_int_equal(roster->slots[0].cause, CAUSE_SANDBOX);
		assert_true(roster_step(roster, 0, EVENT_EXITED, 1));
	}
}

static void who_is_dying_of_a_timeout_dies_of_it_whatever_it_calls(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_HUNG, EVENT_BREACHED);
	assert_int_equal(roster->slots[0].state, STATE_DOOMED);
	assert_int_equal(roster->slots[0].cause, CAUSE_TIMEOUT);
}

static void a_closed_channel_blames_nobody_who_exits_in_time(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_RETIRED, EVENT_HUNG_UP);
	assert_int_equal(roster->slots[0].state, STATE_SILENT);
	assert_int_equal(roster->slots[0].cause, CAUSE_RETIRED);
	WALK(roster, 0, 1001, EVENT_OVERDUE);
	assert_int_equal(roster->slots[0].cause, CAUSE_RETIRED);
}

static void who_falls_silent_by_itself_and_lives_on_has_misbehaved(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_HUNG_UP, EVENT_OVERDUE);
	assert_int_equal(roster->slots[0].cause, CAUSE_MISBEHAVED);
}

static void who_said_why_it_cannot_boot_is_believed(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_FAILED);
	assert_int_equal(roster->slots[0].cause, CAUSE_BOOT_FAILED);
	assert_int_equal(roster_next(roster, 0, EVENT_HURRIED), STATES);
}

static void a_hang_in_a_drain_is_a_hang(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_RETIRED, EVENT_HUNG);
	assert_int_equal(roster->slots[0].state, STATE_ABORTED);
	assert_int_equal(roster->slots[0].cause, CAUSE_TIMEOUT);
}

static void a_worker_that_was_told_to_leave_is_no_failure(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_RETIRED, EVENT_EXITED);
	assert_int_equal(roster->slots[0].backoff.failures, 0);
}

static void one_that_dies_young_is_a_failure_and_one_that_lived_clears_it(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_EXITED);
	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_EXITED);
	assert_int_equal(roster->slots[0].backoff.failures, 2);
	WALK(roster, 0, 1000, EVENT_SPAWNED, EVENT_READY);
	WALK(roster, 0, 1000 + BACKOFF_PROVEN_MS, EVENT_EXITED);
	assert_int_equal(roster->slots[0].backoff.failures, 0);
}

static void silence_after_a_hang_up_proves_nothing(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1000, EVENT_SPAWNED, EVENT_READY, EVENT_HUNG_UP);
	WALK(roster, 0, 1000 + BACKOFF_PROVEN_MS, EVENT_OVERDUE, EVENT_EXITED);
	assert_int_equal(roster->slots[0].backoff.failures, 1);
}

static void one_killed_by_somebody_else_makes_no_loop(void **state)
{
	struct roster *roster = *state;

	for (int i = 0; i < 20; i++) {
		WALK(roster, 0, 1000, EVENT_SPAWNED, EVENT_READY);
		roster->slots[0].killed = true;
		WALK(roster, 0, 1010, EVENT_EXITED);
		assert_false(roster->slots[0].killed);
	}
	assert_false(backoff_is_loop(&roster->slots[0].backoff));
	assert_in_range(roster->slots[0].backoff.due_ms, 1011, 1010 + 2000);
}

static void one_that_misbehaves_keeps_its_place_until_it_is_buried(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1, EVENT_SPAWNED, EVENT_READY, EVENT_MISBEHAVED);
	WALK(roster, 1, 1, EVENT_SPAWNED, EVENT_READY, EVENT_HUNG);
	WALK(roster, 2, 1, EVENT_SPAWNED, EVENT_READY, EVENT_BREACHED);
	assert_false(roster_is_leaving(&roster->slots[0]));
	assert_true(roster_is_leaving(&roster->slots[1]));
	assert_false(roster_is_leaving(&roster->slots[2]));
}

static void time_in_which_nobody_ran_is_on_no_deadline(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 0, 1000, EVENT_SPAWNED);
	WALK(roster, 1, 1000, EVENT_SPAWNED, EVENT_READY);
	roster_postpone(roster, 5000);
	assert_int_equal(roster->slots[0].deadline_ms, 66000);
	assert_true(roster->slots[1].deadline_ms == CLOCK_NEVER);
}

static void a_refused_fork_is_tried_again_and_is_no_failure(void **state)
{
	struct roster *roster = *state;

	for (uint64_t i = 0; i < 100; i++)
		WALK(roster, 0, i, EVENT_REFUSED);
	assert_int_equal(roster->slots[0].backoff.failures, 0);
	assert_int_equal(roster->slots[0].backoff.due_ms, 99 + BACKOFF_REFUSED_MS);
}

static void a_pid_is_found_only_while_it_lives(void **state)
{
	struct roster *roster = *state;

	WALK(roster, 2, 1, EVENT_SPAWNED);
	roster->slots[2].pid = 17;
	assert_int_equal(roster_find(roster, 17), 2);
	assert_int_equal(roster_find(roster, 18), -1);
	assert_int_equal(roster_find(roster, 0), -1);
	WALK(roster, 2, 1, EVENT_EXITED);
	assert_int_equal(roster_find(roster, 17), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_impossible_event_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(every_state_but_vacant_ends_by_exit, begin, end),
		cmocka_unit_test_setup_teardown(a_boot_has_a_deadline_and_serving_has_none, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_hung_worker_is_aborted_then_doomed_for_its_timeout, begin, end),
		cmocka_unit_test_setup_teardown(ready_said_twice_costs_the_worker_its_life, begin,
			end),
		cmocka_unit_test_setup_teardown(a_refused_call_is_the_death_of_whoever_lives, begin,
			end),
		cmocka_unit_test_setup_teardown(
			who_is_dying_of_a_timeout_dies_of_it_whatever_it_calls, begin, end),
		cmocka_unit_test_setup_teardown(a_closed_channel_blames_nobody_who_exits_in_time,
			begin, end),
		cmocka_unit_test_setup_teardown(
			who_falls_silent_by_itself_and_lives_on_has_misbehaved, begin, end),
		cmocka_unit_test_setup_teardown(who_said_why_it_cannot_boot_is_believed, begin,
			end),
		cmocka_unit_test_setup_teardown(a_hang_in_a_drain_is_a_hang, begin, end),
		cmocka_unit_test_setup_teardown(a_worker_that_was_told_to_leave_is_no_failure,
			begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_dies_young_is_a_failure_and_one_that_lived_clears_it, begin, end),
		cmocka_unit_test_setup_teardown(silence_after_a_hang_up_proves_nothing, begin, end),
		cmocka_unit_test_setup_teardown(one_killed_by_somebody_else_makes_no_loop, begin,
			end),
		cmocka_unit_test_setup_teardown(
			one_that_misbehaves_keeps_its_place_until_it_is_buried, begin, end),
		cmocka_unit_test_setup_teardown(time_in_which_nobody_ran_is_on_no_deadline, begin,
			end),
		cmocka_unit_test_setup_teardown(a_refused_fork_is_tried_again_and_is_no_failure,
			begin, end),
		cmocka_unit_test_setup_teardown(a_pid_is_found_only_while_it_lives, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
