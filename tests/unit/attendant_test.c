/*
 * When attendants come and go: single situations, then a world of random deaths, reloads and stops
 * with the invariants checked after each.
 */
#include "tests/unit/unit.h"

#include "base/clock.h"
#include "init/attendant.h"

#define SLOTS 8
#define ATTENDANTS 3
#define WHOLE (SLOTS + ATTENDANTS)
#define KEYHOLDER ATTENDANT_BIT(PROCESS_KEYHOLDER)
#define ZYGOTE ATTENDANT_BIT(PROCESS_ZYGOTE)
#define EXPORTER ATTENDANT_BIT(PROCESS_EXPORTER)

struct world {
	struct roster roster;
	struct wish wish;
	uint64_t now, random, generations;
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
	static const struct crew crew = {.generation = 1,
		.workers = 2,
		.min_ready = 1,
		.surge = 2,
		.attendants = KEYHOLDER};
	static struct world world;

	world = (struct world){.now = 1000000, .random = 88172645463325252u, .generations = 1};
	wish_init(&world.wish, &crew, 4, &wishes);
	*state = &world;
	return roster_init(&world.roster, SLOTS, ATTENDANTS, &limits);
}

static int end(void **state)
{
	struct world *world = *state;

	roster_free(&world->roster);
	return 0;
}

static unsigned converge(struct world *w, bool forks)
{
	struct order order;
	unsigned n = 0;

	while (converge_next(&w->roster, &w->wish, w->now, &order)) {
		enum event event =
			order.event == EVENT_SPAWNED && !forks ? EVENT_REFUSED : order.event;

		assert_int_equal(order.role == PROCESS_WORKER, order.slot < SLOTS);
		if (order.event == EVENT_SPAWNED)
			roster_assign(&w->roster, order.slot, order.generation, order.role);
		assert_true(roster_step(&w->roster, order.slot, event, w->now));
		if (event == EVENT_SPAWNED)
			w->roster.slots[order.slot].pid = (pid_t)order.slot + 100;
		assert_in_range(++n, 1, 4 * WHOLE);
	}
	return n;
}

/* Who boots says READY. */
static void boot(struct world *w)
{
	for (unsigned i = 0; i < WHOLE; i++) {
		if (w->roster.slots[i].state == STATE_BOOTING)
			(void)roster_step(&w->roster, i, EVENT_READY, w->now);
	}
}

static void to_workers(struct world *w, uint64_t generation, enum event event)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (w->roster.slots[i].generation == generation)
			(void)roster_step(&w->roster, i, event, w->now);
	}
}

static const struct slot *attendant(const struct world *w, unsigned i)
{
	return &w->roster.slots[SLOTS + i];
}

/* Attendants, and then workers. */
static void serve(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		(void)converge(w, true);
		boot(w);
	}
	assert_int_equal(converge(w, true), 0);
}

static void reload(struct world *w)
{
	wish_discard(&w->wish);
	w->wish.candidate = w->wish.crew;
	w->wish.candidate.generation = ++w->generations;
}

static void it_comes_with_its_generation_and_first(void **state)
{
	struct world *w = *state;
	struct order order;

	assert_true(converge_next(&w->roster, &w->wish, w->now, &order));
	assert_int_equal(order.slot, SLOTS);
	assert_int_equal(order.event, EVENT_SPAWNED);
	assert_int_equal(order.generation, 1);
	assert_int_equal(order.role, PROCESS_KEYHOLDER);
	assert_int_equal(converge(w, true), 1);
	boot(w);
	assert_int_equal(converge(w, true), 2);
	assert_int_equal(roster_occupied(&w->roster), 3);
	assert_int_equal(roster_count(&w->roster, STATE_BOOTING), 2);
}

static void a_generation_without_wishes_for_one_has_none(void **state)
{
	struct world *w = *state;

	w->wish.crew.attendants = 0;
	serve(w);
	assert_int_equal(roster_occupied(&w->roster), 2);
	assert_true(converge_is_ready(&w->roster, &w->wish.crew));
}

static void a_generation_is_not_ready_before_it_is(void **state)
{
	struct world *w = *state;

	w->wish.crew.attendants = EXPORTER;
	(void)converge(w, true);
	to_workers(w, 1, EVENT_READY);
	assert_false(converge_is_ready(&w->roster, &w->wish.crew));
	assert_true(roster_step(&w->roster, SLOTS, EVENT_READY, w->now));
	assert_true(converge_is_ready(&w->roster, &w->wish.crew));
}

static void one_that_dies_is_replaced_and_keeps_its_place_until_it_is_buried(void **state)
{
	struct world *w = *state;

	serve(w);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_HUNG_UP, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(attendant(w, 0)->state, STATE_BOOTING);
}

static void a_crash_loop_waits_by_deadline_in_its_own_slot(void **state)
{
	struct world *w = *state;

	serve(w);
	for (int i = 0; i < 2; i++) {
		assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
		(void)converge(w, true);
	}
	assert_int_equal(attendant(w, 0)->state, STATE_VACANT);
	assert_int_equal(attendant(w, 1)->state, STATE_VACANT);
	assert_int_equal(converge_deadline(&w->roster, &w->wish, w->now), w->now + 250);
	w->now += 250;
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(attendant(w, 0)->state, STATE_BOOTING);
}

static void one_that_cannot_be_had_is_tried_again(void **state)
{
	struct world *w = *state;

	assert_int_equal(converge(w, false), 1);
	assert_int_equal(converge_deadline(&w->roster, &w->wish, w->now),
		w->now + BACKOFF_REFUSED_MS);
	w->now += BACKOFF_REFUSED_MS;
	assert_int_equal(converge(w, true), 1);
}

static void it_stays_for_the_last_worker_of_its_generation(void **state)
{
	struct world *w = *state;

	serve(w);
	reload(w);
	serve(w);
	wish_promote(&w->wish);
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_SERVING);
	assert_int_equal(attendant(w, 1)->generation, 2);
	to_workers(w, 1, EVENT_EXITED);
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_HURRIED);
	assert_int_equal(attendant(w, 0)->cause, CAUSE_RETIRED);
	assert_int_equal(attendant(w, 1)->state, STATE_SERVING);
	w->now += 1000;
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_DOOMED);
}

static void of_a_generation_that_retires_none_is_replaced(void **state)
{
	struct world *w = *state;

	serve(w);
	reload(w);
	serve(w);
	wish_promote(&w->wish);
	(void)converge(w, true);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(attendant(w, 0)->state, STATE_VACANT);
}

static void a_stop_takes_it_when_the_last_worker_is_gone(void **state)
{
	struct world *w = *state;

	serve(w);
	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_SERVING);
	/* Who drains needs it still. */
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 1);
	to_workers(w, 1, EVENT_EXITED);
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_DOOMED); /* it only boots */
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(roster_occupied(&w->roster), 0);
}

static void who_rests_has_none_and_who_wakes_has_one_again(void **state)
{
	struct world *w = *state;

	serve(w);
	assert_true(wish_move(&w->wish, TURN_REST, w->now));
	(void)converge(w, true);
	to_workers(w, 1, EVENT_EXITED);
	(void)converge(w, true);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 0);
	assert_true(wish_move(&w->wish, TURN_WAKE, w->now));
	serve(w);
	assert_int_equal(attendant(w, 0)->state, STATE_SERVING);
}

/* Of a generation that is preloaded. */
static void serve_preloaded(struct world *w)
{
	w->wish.crew.attendants = ZYGOTE;
	serve(w);
}

static void no_worker_is_born_before_its_zygote_serves(void **state)
{
	struct world *w = *state;

	w->wish.crew.attendants = ZYGOTE;
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(attendant(w, 0)->role, PROCESS_ZYGOTE);
	assert_int_equal(attendant_find(&w->roster, 1, PROCESS_ZYGOTE), -1);
	boot(w);
	assert_int_equal(attendant_find(&w->roster, 1, PROCESS_ZYGOTE), SLOTS);
	assert_int_equal(converge(w, true), 2);
	assert_int_equal(roster_count(&w->roster, STATE_BOOTING), 2);
}

static void who_dies_without_a_zygote_waits_for_the_next_one(void **state)
{
	struct world *w = *state;

	serve_preloaded(w);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_true(roster_step(&w->roster, 0, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(attendant(w, 0)->state, STATE_BOOTING);
	assert_int_equal(w->roster.slots[0].state, STATE_VACANT);
	assert_int_equal(w->roster.slots[1].state, STATE_SERVING);
	/* By no deadline but the zygote's own. */
	assert_int_equal(converge_deadline(&w->roster, &w->wish, w->now), w->now + 60000);
	boot(w);
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(w->roster.slots[0].state, STATE_BOOTING);
}

/* It would take clients, and could shake hands with none. */
static void no_worker_of_a_candidate_is_born_before_its_keyholder_serves(void **state)
{
	struct world *w = *state;

	serve(w);
	reload(w);
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(attendant(w, 1)->generation, 2);
	assert_true(roster_step(&w->roster, SLOTS + 1, EVENT_EXITED, w->now));
	assert_int_equal(roster_occupied(&w->roster), 3);
	wish_discard(&w->wish);
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(roster_count(&w->roster, STATE_SERVING), 2);
}

static void a_candidate_without_zygote_holds_up_no_other(void **state)
{
	struct world *w = *state;

	serve_preloaded(w);
	reload(w);
	assert_int_equal(converge(w, true), 1);
	assert_true(roster_step(&w->roster, 0, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(w->roster.slots[0].generation, 1);
	assert_int_equal(w->roster.slots[0].state, STATE_BOOTING);
}

static void a_backlog_keeps_the_zygote_for_who_empties_it(void **state)
{
	struct world *w = *state;

	serve_preloaded(w);
	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	w->wish.backlog = true;
	(void)converge(w, true);
	to_workers(w, 1, EVENT_EXITED);
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(roster_count(&w->roster, STATE_BOOTING), 1);
	assert_int_equal(attendant(w, 0)->state, STATE_SERVING);
	w->wish.backlog = false;
	to_workers(w, 1, EVENT_EXITED);
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_HURRIED);
}

/* It is killed, and killed again: who empties the backlog cannot be born before it is back. */
static void the_end_waits_for_a_zygote_while_clients_wait(void **state)
{
	struct world *w = *state;

	serve_preloaded(w);
	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	(void)converge(w, true);
	to_workers(w, 1, EVENT_EXITED);
	w->wish.backlog = true;
	for (unsigned deaths = 1; deaths <= 2; deaths++) {
		w->roster.slots[SLOTS].killed = true;
		assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
		assert_int_equal(converge(w, true), 2 - deaths);
	}
	assert_int_equal(roster_occupied(&w->roster), 0);
	assert_true(converge_is_awaited(&w->roster, &w->wish, w->now));
	w->now = converge_deadline(&w->roster, &w->wish, w->now);
	assert_int_equal(converge(w, true), 1);
	assert_int_equal(attendant(w, 0)->state, STATE_BOOTING);
}

static void an_exporter_gives_way_to_its_successor_whatever_workers_are_left(void **state)
{
	struct world *w = *state;

	w->wish.crew.attendants = EXPORTER;
	serve(w);
	reload(w);
	serve(w);
	assert_int_equal(attendant(w, 0)->state, STATE_SERVING);
	assert_int_equal(attendant(w, 1)->state, STATE_SERVING);
	wish_promote(&w->wish);
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_DRAINING);
	assert_int_equal(attendant(w, 1)->state, STATE_SERVING);
}

static void an_exporter_stays_up_to_the_last_worker_of_a_stop(void **state)
{
	struct world *w = *state;

	w->wish.crew.attendants = EXPORTER;
	serve(w);
	assert_true(wish_move(&w->wish, TURN_STOP, w->now));
	assert_true(wish_move(&w->wish, TURN_OVERDUE, w->now));
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_SERVING);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 1); /* it is replaced even then */
	boot(w);
	to_workers(w, 1, EVENT_EXITED);
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_DRAINING);
	assert_true(wish_move(&w->wish, TURN_QUICK, w->now));
	(void)converge(w, true);
	assert_int_equal(attendant(w, 0)->state, STATE_HURRIED);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 0);
}

static void who_rests_keeps_the_exporter(void **state)
{
	struct world *w = *state;

	w->wish.crew.attendants = EXPORTER;
	serve(w);
	assert_true(wish_move(&w->wish, TURN_REST, w->now));
	(void)converge(w, true);
	to_workers(w, 1, EVENT_EXITED);
	assert_int_equal(converge(w, true), 0);
	assert_int_equal(attendant(w, 0)->state, STATE_SERVING);
	assert_true(roster_step(&w->roster, SLOTS, EVENT_EXITED, w->now));
	assert_int_equal(converge(w, true), 1);
}

static uint64_t draw(struct world *w, uint64_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random % below;
}

static void happen(struct world *w)
{
	static const enum event worldly[] = {EVENT_READY, EVENT_READY, EVENT_OVERDUE, EVENT_HUNG,
		EVENT_MISBEHAVED, EVENT_BREACHED, EVENT_HUNG_UP, EVENT_EXITED, EVENT_EXITED};

	switch (draw(w, 12)) {
	case 0:
		w->now += draw(w, 3000);
		break;
	case 1:
		reload(w);
		break;
	case 2:
		wish_discard(&w->wish);
		break;
	case 3:
		(void)wish_move(&w->wish, draw(w, 2) != 0 ? TURN_REST : TURN_WAKE, w->now);
		break;
	case 4:
		if (w->wish.candidate.generation != 0)
			wish_promote(&w->wish);
		break;
	default:
		(void)roster_step(&w->roster, (unsigned)draw(w, WHOLE),
			worldly[draw(w, COUNT_OF(worldly))], w->now);
	}
}

static bool has_workers(const struct world *w, uint64_t generation)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (w->roster.slots[i].pid != 0 && w->roster.slots[i].generation == generation)
			return true;
	}
	return false;
}

static void check_invariants(struct world *w)
{
	struct order order;

	for (unsigned i = 0; i < ATTENDANTS; i++) {
		const struct slot *slot = attendant(w, i);

		if ((slot->state == STATE_VACANT) != (slot->pid == 0))
			fail_msg("attendant %u is VACANT with a process, or has none", i);
		for (unsigned j = 0; j < i && slot->pid != 0; j++) {
			if (attendant(w, j)->pid != 0 &&
				attendant(w, j)->generation == slot->generation)
				fail_msg("two attendants do the same");
		}
		if (slot->state == STATE_SERVING && !has_workers(w, slot->generation) &&
			!(wish_is_serving(&w->wish) &&
				(slot->generation == w->wish.crew.generation ||
					slot->generation == w->wish.candidate.generation)))
			fail_msg("attendant %u serves nobody", i);
	}
	if (converge_next(&w->roster, &w->wish, w->now, &order))
		fail_msg("asked again, it still orders");
	if (converge_deadline(&w->roster, &w->wish, w->now) <= w->now)
		fail_msg("a deadline has passed and nothing happened");
}

static void any_world_leaves_one_to_a_generation(void **state)
{
	struct world *w = *state;

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 1000; i++) {
			happen(w);
			(void)converge(w, draw(w, 10) != 0);
			check_invariants(w);
		}
		(void)wish_move(&w->wish, TURN_WAKE, w->now);
		wish_discard(&w->wish);
		for (int i = 0; i < 40; i++) {
			for (unsigned s = 0; s < WHOLE; s++) {
				if (w->roster.slots[s].state >= STATE_SILENT)
					(void)roster_step(&w->roster, s, EVENT_EXITED, w->now);
			}
			w->now += 1000;
			(void)converge(w, true);
			boot(w);
		}
		assert_int_equal(roster_occupied(&w->roster), 3);
		assert_true(attendant_all_serve(&w->roster, &w->wish.crew));
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(it_comes_with_its_generation_and_first),
		CASE(a_generation_without_wishes_for_one_has_none),
		CASE(a_generation_is_not_ready_before_it_is),
		CASE(one_that_dies_is_replaced_and_keeps_its_place_until_it_is_buried),
		CASE(a_crash_loop_waits_by_deadline_in_its_own_slot),
		CASE(one_that_cannot_be_had_is_tried_again),
		CASE(it_stays_for_the_last_worker_of_its_generation),
		CASE(of_a_generation_that_retires_none_is_replaced),
		CASE(a_stop_takes_it_when_the_last_worker_is_gone),
		CASE(who_rests_has_none_and_who_wakes_has_one_again),
		CASE(no_worker_is_born_before_its_zygote_serves),
		CASE(who_dies_without_a_zygote_waits_for_the_next_one),
		CASE(no_worker_of_a_candidate_is_born_before_its_keyholder_serves),
		CASE(a_candidate_without_zygote_holds_up_no_other),
		CASE(a_backlog_keeps_the_zygote_for_who_empties_it),
		CASE(the_end_waits_for_a_zygote_while_clients_wait),
		CASE(an_exporter_gives_way_to_its_successor_whatever_workers_are_left),
		CASE(an_exporter_stays_up_to_the_last_worker_of_a_stop),
		CASE(who_rests_keeps_the_exporter),
		CASE(any_world_leaves_one_to_a_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
