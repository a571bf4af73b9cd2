/*
 * What converge decides, first by single situations, then by a simulated world: a seeded stream of
 * random signals, deaths, refusals and passing time, with the invariants checked after each.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "init/converge.h"

#define SLOTS 32
#define MOST 8

struct world {
	struct roster roster;
	struct wish wish;
	uint64_t now;
	uint64_t random;
	uint64_t generations; /* made so far */
};

static int begin(void **state)
{
	static const struct roster_limits limits = {.boot_timeout = 60000,
		.graceful_timeout = 30000,
		.hurry = 1000};
	static const struct wish_limits wishes = {.drain_delay = 2000,
		.drain = 100000,
		.quick = 3000,
		.sweep = 1000};
	static const struct crew crew = {.generation = 1, .workers = 4, .min_ready = 1, .surge = 4};
	static struct world world;

	world = (struct world){.now = 1000000, .random = 88172645463325252u};
	world.generations = 1;
	wish_init(&world.wish, &crew, MOST, &wishes);
	*state = &world;
	return roster_init(&world.roster, SLOTS, 0, &limits);
}

static int end(void **state)
{
	struct world *world = *state;

	roster_free(&world->roster);
	return 0;
}

/* Carries orders out as the arbiter does, a fork that succeeds or not. The orders given. */
static unsigned converge(struct world *w, bool forks)
{
	struct order order;
	unsigned n = 0;

	while (converge_next(&w->roster, &w->wish, w->now, &order)) {
		enum event event = order.event;

		if (event == EVENT_SPAWNED && !forks)
			event = EVENT_REFUSED;
		if (order.event == EVENT_SPAWNED)
			roster_assign(&w->roster, order.slot, order.generation, order.role);
		assert_true(roster_step(&w->roster, order.slot, event, w->now));
		if (event == EVENT_SPAWNED)
			w->roster.slots[order.slot].pid = (pid_t)order.slot + 100;
		n++;
		assert_in_range(n, 1, 4 * SLOTS);
	}
	return n;
}

static void all_events(struct world *w, enum event event)
{
	for (unsigned i = 0; i < w->roster.size; i++)
		(void)roster_step(&w->roster, i, event, w->now);
}

static unsigned count(const struct world *w, enum state state)
{
	return roster_count(&w->roster, state);
}

static void as_many_boot_as_are_wished_for(void **state)
{
	struct world *w = *state;

	assert_int_equal(converge(w, true), 4);
	assert_int_equal(count(w, STATE_BOOTING), 4);
}

static void asked_again_there_is_nothing_to_do(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	assert_int_equal(converge(w, true), 0);
	all_events(w, EVENT_READY);
	assert_int_equal(converge(w, true), 0);
}

static void fewer_wished_retires_the_last_and_more_takes_a_free_slot(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	assert_true(wish_fewer(&w->wish));
	(void)converge(w, true);
	assert_int_equal(w->roster.slots[3].state, STATE_DRAINING);
	assert_true(wish_more(&w->wish));
	(void)converge(w, true);
	assert_int_equal(w->roster.slots[4].state, STATE_BOOTING);
}

static void a_hung_worker_is_replaced_before_it_is_dead(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	assert_true(roster_step(&w->roster, 1, EVENT_HUNG, w->now));
	(void)converge(w, true);
	assert_int_equal(w->roster.slots[1].state, STATE_ABORTED);
	assert_int_equal(w->roster.slots[4].state, STATE_BOOTING);
}

static void a_spent_one_that_leaves_takes_no_place_from_its_successor(void **state)
{
	struct world *w = *state;

	while (wish_fewer(&w->wish))
		;
	(void)converge(w, true);
	all_events(w, EVENT_READY);
	all_events(w, EVENT_SPENT);
	(void)converge(w, true);
	assert_true(roster_step(&w->roster, 1, EVENT_READY, w->now));
	(void)converge(w, true);
	assert_int_equal(w->roster.slots[0].state, STATE_DRAINING);
	/* Its channel is closed some time before it can be reaped. */
	assert_true(roster_step(&w->roster, 0, EVENT_HUNG_UP, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(w->roster.slots[1].state, STATE_SERVING);
}

static void a_late_death_costs_no_successor_its_place(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	assert_true(roster_step(&w->roster, 0, EVENT_OVERDUE, w->now));
	(void)converge(w, true);
	all_events(w, EVENT_READY);
	assert_true(roster_step(&w->roster, 0, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(count(w, STATE_SERVING), 4);
}

static void who_closes_its_channel_on_leaving_takes_no_place_back(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	assert_true(roster_step(&w->roster, 0, EVENT_RETIRED, w->now));
	(void)converge(w, true);
	assert_true(roster_step(&w->roster, 4, EVENT_READY, w->now));
	assert_true(roster_step(&w->roster, 0, EVENT_HUNG_UP, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(count(w, STATE_SERVING), 4);
}

static void one_that_misbehaved_takes_no_place_of_who_serves(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	assert_true(roster_step(&w->roster, 0, EVENT_MISBEHAVED, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_true(wish_fewer(&w->wish));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(count(w, STATE_SERVING), 3);
	assert_true(roster_step(&w->roster, 0, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 0);
}

static void fewer_wished_retires_who_boots_before_who_serves(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	for (unsigned i = 1; i < 4; i++)
		assert_true(roster_step(&w->roster, i, EVENT_READY, w->now));
	assert_true(wish_fewer(&w->wish));
	(void)converge(w, true);
	assert_int_equal(count(w, STATE_SERVING), 3);
	assert_int_equal(w->roster.slots[0].state, STATE_DOOMED);
}

static void a_crash_loop_finds_no_slot_without_a_delay(void **state)
{
	struct world *w = *state;
	unsigned boots = 0;

	while (wish_fewer(&w->wish))
		;
	for (unsigned ms = 0; ms < 6000; ms++) {
		w->now++;
		boots += converge(w, true);
		(void)roster_step(&w->roster, 0, EVENT_HUNG_UP, w->now);
		boots += converge(w, true);
		all_events(w, EVENT_EXITED);
	}
	assert_int_equal(boots, 5);
}

static void a_stop_retires_all_and_kills_who_only_boots(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	(void)roster_step(&w->roster, 0, EVENT_READY, w->now);
	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	(void)converge(w, true);
	assert_int_equal(count(w, STATE_DRAINING), 1);
	assert_int_equal(count(w, STATE_DOOMED), 3);
}

static void who_does_not_finish_in_time_is_doomed(void **state)
{
	struct world *w = *state;

	a_stop_retires_all_and_kills_who_only_boots(state);
	assert_int_equal(converge_deadline(&w->roster, &w->wish, w->now), w->now + 30000);
	w->now += 30000;
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(count(w, STATE_DOOMED), 4);
	assert_int_equal(converge_deadline(&w->roster, &w->wish, w->now), w->wish.deadline_ms);
}

static void an_idle_service_has_no_deadline(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	assert_true(converge_deadline(&w->roster, &w->wish, w->now) == CLOCK_NEVER);
}

static unsigned of(const struct world *w, uint64_t generation, enum state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		n += w->roster.slots[i].generation == generation &&
		     w->roster.slots[i].state == state;
	return n;
}

static void reload(struct world *w, unsigned surge)
{
	w->wish.candidate = (struct crew){.generation = ++w->generations,
		.workers = w->wish.crew.workers,
		.min_ready = 2,
		.surge = surge};
}

static void one_ready(struct world *w, uint64_t generation)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct slot *slot = &w->roster.slots[i];

		if (slot->generation == generation && slot->state == STATE_BOOTING) {
			assert_true(roster_step(&w->roster, i, EVENT_READY, w->now));
			return;
		}
	}
	fail();
}

/* As the arbiter does when the candidate is ready. */
static bool promote(struct world *w)
{
	bool ready = w->wish.candidate.generation != 0 &&
		     converge_is_ready(&w->roster, &w->wish.candidate);

	if (ready)
		wish_promote(&w->wish);
	return ready;
}

static void a_candidate_leaves_the_old_ones_alone_until_it_is_ready(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	reload(w, 4);
	(void)converge(w, true);
	assert_int_equal(of(w, 2, STATE_BOOTING), 4);
	one_ready(w, 2);
	assert_false(promote(w));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(of(w, 1, STATE_SERVING), 4);
}

static void each_new_one_that_serves_lets_an_old_one_go(void **state)
{
	struct world *w = *state;

	a_candidate_leaves_the_old_ones_alone_until_it_is_ready(state);
	one_ready(w, 2);
	assert_true(promote(w));
	(void)converge(w, true);
	assert_int_equal(of(w, 1, STATE_SERVING), 2);
	assert_int_equal(of(w, 1, STATE_DRAINING), 2);
	one_ready(w, 2);
	one_ready(w, 2);
	(void)converge(w, true);
	assert_int_equal(of(w, 1, STATE_DRAINING), 4);
	assert_int_equal(of(w, 2, STATE_SERVING), 4);
}

static void a_rolling_reload_boots_as_many_at_a_time_as_surge_says(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	reload(w, 1);
	for (unsigned served = 0; served < 4; served++) {
		(void)promote(w);
		(void)converge(w, true);
		assert_int_equal(of(w, 2, STATE_BOOTING), 1);
		assert_in_range(count(w, STATE_SERVING), 4, 5);
		one_ready(w, 2);
	}
	(void)converge(w, true);
	assert_int_equal(of(w, 2, STATE_SERVING), 4);
	assert_int_equal(of(w, 1, STATE_SERVING), 0);
}

static void a_discarded_candidate_goes_and_the_old_ones_stay(void **state)
{
	struct world *w = *state;

	a_candidate_leaves_the_old_ones_alone_until_it_is_ready(state);
	wish_discard(&w->wish);
	(void)converge(w, true);
	assert_int_equal(of(w, 1, STATE_SERVING), 4);
	assert_int_equal(of(w, 2, STATE_DRAINING), 1);
	assert_int_equal(of(w, 2, STATE_DOOMED), 3);
}

static void an_old_worker_that_dies_during_a_reload_is_replaced(void **state)
{
	struct world *w = *state;

	a_candidate_leaves_the_old_ones_alone_until_it_is_ready(state);
	assert_true(roster_step(&w->roster, 0, EVENT_EXITED, w->now));
	w->roster.slots[0].pid = 0;
	(void)converge(w, true);
	assert_int_equal(of(w, 1, STATE_BOOTING), 1);
}

static void what_is_discarded_helps_out_until_the_crew_is_whole(void **state)
{
	struct world *w = *state;

	a_candidate_leaves_the_old_ones_alone_until_it_is_ready(state);
	assert_true(roster_step(&w->roster, 0, EVENT_HUNG, w->now));
	wish_discard(&w->wish);
	(void)converge(w, true);
	assert_int_equal(count(w, STATE_SERVING), 4);
	one_ready(w, 1);
	(void)converge(w, true);
	assert_int_equal(of(w, 1, STATE_SERVING), 4);
	assert_int_equal(of(w, 2, STATE_SERVING), 0);
}

static void a_backlog_that_nobody_serves_brings_one_up_to_empty_it(void **state)
{
	struct world *w = *state;

	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	assert_int_equal(converge(w, true), 0);
	w->wish.backlog = true;
	assert_int_equal(converge(w, true), 1);
	all_events(w, EVENT_READY);
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(count(w, STATE_DRAINING), 1);
}

static void older_ones_who_accept_no_more_once_told_stay_until_nothing_is_left_over(void **state)
{
	struct world *w = *state;

	a_candidate_leaves_the_old_ones_alone_until_it_is_ready(state);
	for (unsigned i = 1; i < 4; i++)
		one_ready(w, 2);
	wish_promote(&w->wish);
	w->wish.leftover = true;
	(void)converge(w, true);
	assert_int_equal(of(w, 1, STATE_SERVING), 4);
	assert_int_equal(of(w, 2, STATE_SERVING), 4);
	w->wish.leftover = false;
	(void)converge(w, true);
	assert_int_equal(of(w, 1, STATE_SERVING), 0);
	assert_int_equal(of(w, 2, STATE_SERVING), 4);
}

/* All of them die again and again; what waits is theirs to answer all the same. */
static void the_end_waits_for_a_backoff_while_clients_wait(void **state)
{
	struct world *w = *state;
	unsigned boots = 0;

	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	assert_false(converge_is_awaited(&w->roster, &w->wish, w->now));
	w->wish.backlog = true;
	for (; converge(w, true) != 0; boots++) {
		all_events(w, EVENT_EXITED);
		if (w->roster.slots[0].backoff.due_ms <= w->now)
			continue;
		if (!converge_is_awaited(&w->roster, &w->wish, w->now))
			break;
		assert_int_equal(converge_deadline(&w->roster, &w->wish, w->now),
			w->roster.slots[0].backoff.due_ms);
		w->now = w->roster.slots[0].backoff.due_ms;
	}
	assert_int_equal(boots, 4);
	assert_int_equal(converge(w, true), 0);
	w->roster.slots[0].backoff.failures--;
	assert_true(converge_is_awaited(&w->roster, &w->wish, w->now));
	w->wish.backlog = false;
	assert_false(converge_is_awaited(&w->roster, &w->wish, w->now));
}

static void those_who_accept_no_more_once_told_stay_until_the_backlog_is_empty(void **state)
{
	struct world *w = *state;
	unsigned serving;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	serving = count(w, STATE_SERVING);
	assert_true(serving > 0);
	w->wish.empties_first = true;
	w->wish.backlog = true;
	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(count(w, STATE_SERVING), serving);
	w->wish.backlog = false;
	assert_int_equal(converge(w, true), serving);
	assert_int_equal(count(w, STATE_DRAINING), serving);
}

static void a_spent_worker_serves_on_until_its_successor_is_ready(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_READY);
	assert_true(roster_step(&w->roster, 2, EVENT_SPENT, w->now));
	(void)converge(w, true);
	assert_int_equal(w->roster.slots[2].state, STATE_SPENT);
	assert_int_equal(w->roster.slots[4].state, STATE_BOOTING);
	assert_true(roster_step(&w->roster, 4, EVENT_READY, w->now));
	(void)converge(w, true);
	assert_int_equal(w->roster.slots[2].state, STATE_DRAINING);
}

static void failures_of_a_past_generation_hold_no_slot(void **state)
{
	struct world *w = *state;

	(void)converge(w, true);
	all_events(w, EVENT_EXITED);
	all_events(w, EVENT_EXITED);
	reload(w, 4);
	wish_promote(&w->wish);
	(void)converge(w, true);
	assert_int_equal(of(w, 2, STATE_BOOTING), 4);
	assert_int_equal(w->roster.slots[0].backoff.failures, 0);
}

static uint64_t draw(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % below;
}

/* Whatever the world can do to a slot: what converge alone may order stands last in events.def. */
static void happen(struct world *w)
{
	static const enum event worldly[] = {EVENT_READY, EVENT_READY, EVENT_READY, EVENT_OVERDUE,
		EVENT_HUNG, EVENT_MISBEHAVED, EVENT_BREACHED, EVENT_HUNG_UP, EVENT_EXITED,
		EVENT_EXITED, EVENT_SPENT};
	unsigned slot = (unsigned)draw(w, SLOTS);

	switch (draw(w, 12)) {
	case 0:
		w->now += draw(w, 3000);
		break;
	case 1:
		(void)wish_more(&w->wish);
		break;
	case 2:
		(void)wish_fewer(&w->wish);
		break;
	case 3:
		reload(w, 1 + (unsigned)draw(w, 4));
		break;
	case 4:
		wish_discard(&w->wish);
		break;
	default:
		(void)roster_step(&w->roster, slot, worldly[draw(w, COUNT_OF(worldly))], w->now);
	}
}

static void check_invariants(struct world *w)
{
	const struct crew *crew = &w->wish.crew, *candidate = &w->wish.candidate;
	unsigned staying = 0, of_crew = 0;
	struct order order;

	for (unsigned i = 0; i < SLOTS; i++) {
		const struct slot *slot = &w->roster.slots[i];
		bool stays = slot->state == STATE_BOOTING || slot->state == STATE_SERVING;

		if ((slot->state == STATE_VACANT) != (slot->pid == 0))
			fail_msg("slot %u is VACANT with a process, or has none", i);
		staying += stays;
		of_crew += stays && slot->generation == crew->generation;
	}
	if (staying > 2 * crew->workers + candidate->workers + candidate->surge)
		fail_msg("%u workers are far too many", staying);
	if (of_crew > crew->workers)
		fail_msg("%u workers of the crew, %u are wished for", of_crew, crew->workers);
	if (converge_next(&w->roster, &w->wish, w->now, &order))
		fail_msg("asked again, it still orders");
	if (converge_deadline(&w->roster, &w->wish, w->now) <= w->now)
		fail_msg("a deadline has passed and nothing happened");
}

/* When the world is quiet, time alone must bring the wished number back. */
static void settle(struct world *w)
{
	for (int i = 0; i < 100; i++) {
		for (unsigned s = 0; s < SLOTS; s++) {
			if (w->roster.slots[s].state >= STATE_SILENT)
				(void)roster_step(&w->roster, s, EVENT_EXITED, w->now);
		}
		w->now += 1000;
		(void)converge(w, true);
		for (unsigned s = 0; s < SLOTS; s++) {
			if (w->roster.slots[s].state == STATE_BOOTING)
				(void)roster_step(&w->roster, s, EVENT_READY, w->now);
		}
		(void)promote(w);
		(void)converge(w, true);
	}
	assert_int_equal(of(w, w->wish.crew.generation, STATE_SERVING), w->wish.crew.workers);
	assert_int_equal(roster_occupied(&w->roster), w->wish.crew.workers);
}

#define ROUNDS 1000
#define EVENTS_A_ROUND 1000

static void any_world_leaves_the_count_as_wished(void **state)
{
	struct world *w = *state;
	clock_t ticks = 0;

	for (int round = 0; round < ROUNDS; round++) {
		clock_t before = clock();

		for (int i = 0; i < EVENTS_A_ROUND; i++) {
			happen(w);
			(void)promote(w);
			(void)converge(w, draw(w, 10) != 0);
			check_invariants(w);
		}
		ticks += clock() - before;
		settle(w);
	}
	(void)fprintf(stderr, "# %.0f events a second of CPU\n",
		(double)ROUNDS * EVENTS_A_ROUND * CLOCKS_PER_SEC / (double)ticks);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(as_many_boot_as_are_wished_for),
		CASE(asked_again_there_is_nothing_to_do),
		CASE(fewer_wished_retires_the_last_and_more_takes_a_free_slot),
		CASE(a_hung_worker_is_replaced_before_it_is_dead),
		CASE(a_late_death_costs_no_successor_its_place),
		CASE(who_closes_its_channel_on_leaving_takes_no_place_back),
		CASE(one_that_misbehaved_takes_no_place_of_who_serves),
		CASE(fewer_wished_retires_who_boots_before_who_serves),
		CASE(a_spent_one_that_leaves_takes_no_place_from_its_successor),
		CASE(a_crash_loop_finds_no_slot_without_a_delay),
		CASE(a_stop_retires_all_and_kills_who_only_boots),
		CASE(who_does_not_finish_in_time_is_doomed),
		CASE(an_idle_service_has_no_deadline),
		CASE(a_candidate_leaves_the_old_ones_alone_until_it_is_ready),
		CASE(each_new_one_that_serves_lets_an_old_one_go),
		CASE(a_rolling_reload_boots_as_many_at_a_time_as_surge_says),
		CASE(a_discarded_candidate_goes_and_the_old_ones_stay),
		CASE(an_old_worker_that_dies_during_a_reload_is_replaced),
		CASE(what_is_discarded_helps_out_until_the_crew_is_whole),
		CASE(a_backlog_that_nobody_serves_brings_one_up_to_empty_it),
		CASE(older_ones_who_accept_no_more_once_told_stay_until_nothing_is_left_over),
		CASE(the_end_waits_for_a_backoff_while_clients_wait),
		CASE(those_who_accept_no_more_once_told_stay_until_the_backlog_is_empty),
		CASE(a_spent_worker_serves_on_until_its_successor_is_ready),
		CASE(failures_of_a_past_generation_hold_no_slot),
		CASE(any_world_leaves_the_count_as_wished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
