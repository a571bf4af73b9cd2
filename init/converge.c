#include "init/converge.h"

#include "base/clock.h"

/* How many workers one part of the roster may have now. */
struct demand {
	uint64_t from, to; /* generations, both included */
	unsigned count;
	bool spawns; /* who is missing is born; else it only shrinks */
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool is_serving(const struct slot *slot)
{
	return slot->state == STATE_SERVING || slot->state == STATE_SPENT;
}

enum rank {
	RANK_SERVING, /* comes before who does not */
	RANK_OTHER,   /* is there, and comes before who is not */
	RANK_WAITING, /* vacant, until its backoff has passed */
	RANK_FREE,
	RANKS
};

static bool has_backoff(const struct slot *slot, uint64_t now_ms)
{
	return slot->backoff.failures != 0 || slot->backoff.due_ms > now_ms;
}

static enum rank rank_of(const struct slot *slot, uint64_t now_ms)
{
	if (slot->state == STATE_VACANT)
		return has_backoff(slot, now_ms) ? RANK_WAITING : RANK_FREE;
	return is_serving(slot) ? RANK_SERVING : RANK_OTHER;
}

/* How many there are of each rank; and who serves, of which generation. */
struct census {
	unsigned of_rank[RANKS];
	unsigned old;	    /* of one before the crew's */
	unsigned now;	    /* of the crew's */
	unsigned younger;   /* of a later one: the candidate, and those that were discarded */
	unsigned candidate; /* of these, the candidate's */
	unsigned spent;	    /* of all */
};

static struct census take_census(const struct roster *roster, const struct wish *wish,
	uint64_t now_ms)
{
	struct census census = {0};

	for (unsigned i = 0; i < roster->size; i++) {
		const struct slot *slot = &roster->slots[i];
		enum rank rank = rank_of(slot, now_ms);

		census.of_rank[rank]++;
		if (rank != RANK_SERVING)
			continue;
		census.old += slot->generation < wish->crew.generation;
		census.now += slot->generation == wish->crew.generation;
		census.younger += slot->generation > wish->crew.generation;
		census.candidate += slot->generation == wish->candidate.generation;
		census.spent += slot->state == STATE_SPENT;
	}
	return census;
}

bool converge_is_ready(const struct roster *roster, const struct crew *crew)
{
	unsigned n = 0;

	for (unsigned i = 0; i < roster->size; i++)
		n += is_serving(&roster->slots[i]) &&
		     roster->slots[i].generation == crew->generation;
	return n >= least(crew->min_ready, crew->workers);
}

#define DEMANDS 4

struct plan {
	struct census census;
	struct demand demands[DEMANDS];
};

/* Whether anybody is there who empties the backlog, or is about to be told to. */
static bool has_emptier(const struct roster *roster, const struct census *census)
{
	return census->of_rank[RANK_SERVING] != 0 || roster_count(roster, STATE_DRAINING) != 0;
}

/*
 * A candidate comes up beside the generation that serves, which stays whole. Once promoted, each
 * of its workers that serves lets one of the older ones go, so that there are never fewer than
 * wished for. Generations that were discarded, younger than the crew and not the candidate, go.
 */
static void make_demands(const struct roster *roster, const struct wish *wish, struct plan *plan)
{
	const struct census *census = &plan->census;
	struct demand *demands = plan->demands;
	const struct crew *crew = &wish->crew, *candidate = &wish->candidate;
	bool serving = wish_is_serving(wish);

	demands[0] = (struct demand){0, crew->generation - 1, 0, false};
	demands[1] = (struct demand){crew->generation, crew->generation, crew->workers, true};
	demands[2] = (struct demand){candidate->generation, candidate->generation,
		least(candidate->workers, census->candidate + candidate->surge), true};
	demands[3] = (struct demand){crew->generation + 1, UINT64_MAX, 0, false};
	/* Those of a candidate that was discarded help out while the crew is not whole. */
	demands[3].count = crew->workers - least(crew->workers, census->old + census->now);
	demands[3].count = least(demands[3].count, census->younger);
	if (census->old != 0) {
		demands[0].count = crew->workers - least(crew->workers, census->now);
		demands[1].count = least(crew->workers, census->now + crew->surge);
	}
	for (unsigned i = 0; i < DEMANDS && !serving; i++)
		demands[i].count = 0;
	/* One that comes up as the service ends, to empty what nobody is there to empty. */
	if (wish->phase == PHASE_DRAIN && wish->backlog && !has_emptier(roster, census))
		demands[1].count = 1;
}

static bool is_of(const struct slot *slot, const struct demand *demand)
{
	return slot->generation >= demand->from && slot->generation <= demand->to;
}

/* The part of the roster that the slot is of: the first that fits, since the last is the rest. */
static unsigned part_of(const struct slot *slot, const struct demand demands[DEMANDS])
{
	unsigned part = 0;

	while (part < DEMANDS - 1 && !is_of(slot, &demands[part]))
		part++;
	return part;
}

/*
 * An empty slot that has to wait before it boots again, and keeps its place in the count of its
 * generation. Where nobody is born any more, nobody waits.
 */
static bool is_waiting(const struct slot *slot, const struct demand *demand, uint64_t now_ms)
{
	return has_backoff(slot, now_ms) && demand->spawns;
}

/*
 * Decides slot by slot, in order: the first ones of a generation that are not leaving are the
 * wanted ones, as many as demanded.
 */
static enum event worker_needs(const struct slot *slot, struct demand *demand,
	const struct wish *wish, uint64_t now_ms)
{
	bool leaving = roster_is_leaving(slot);
	bool wanted = !leaving && demand->count > 0;

	if (slot->deadline_ms <= now_ms)
		return EVENT_OVERDUE;
	if (wish->phase == PHASE_QUICK)
		return EVENT_HURRIED;
	if (slot->state == STATE_SPENT)
		return EVENTS; /* see spend() */
	demand->count -= wanted;
	return wanted || leaving ? EVENTS : EVENT_RETIRED;
}

/*
 * What the living left over. One that waits for its backoff lets no other slot jump in, so that a
 * crash loop has no way around its delay.
 */
static enum event vacancy_needs(const struct slot *slot, struct demand *demand, uint64_t now_ms)
{
	if (!is_waiting(slot, demand, now_ms) || demand->count == 0)
		return EVENTS;
	demand->count--;
	return slot->backoff.due_ms <= now_ms ? EVENT_SPAWNED : EVENTS;
}

static enum event slot_needs(const struct slot *slot, struct demand *demand,
	const struct wish *wish, uint64_t now_ms)
{
	return slot->state == STATE_VACANT ? vacancy_needs(slot, demand, now_ms)
					   : worker_needs(slot, demand, wish, now_ms);
}

static bool give(struct order *order, unsigned slot, enum event event, uint64_t generation)
{
	*order = (struct order){.slot = slot, .event = event, .generation = generation};
	return true;
}

/*
 * Whoever is there already: keeps, retires, ends; or, vacant, is born again after its backoff. By
 * rank; what is free needs nothing.
 */
static bool settle_slots(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct plan *plan, struct order *order)
{
	for (enum rank rank = RANK_SERVING; rank < RANK_FREE; rank++) {
		unsigned left = plan->census.of_rank[rank];

		for (unsigned i = 0; left != 0; i++) {
			const struct slot *slot = &roster->slots[i];
			enum event event;

			if (rank_of(slot, now_ms) != rank)
				continue;
			left--;
			event = slot_needs(slot, &plan->demands[part_of(slot, plan->demands)], wish,
				now_ms);
			if (event != EVENTS && roster_next(roster, i, event) != STATES)
				return give(order, i, event, slot->generation);
		}
	}
	return false;
}

/*
 * A spent worker goes when there are enough without it. A candidate's are no help to count on, for
 * it may yet be discarded; and its own spent ones wait until it is promoted.
 */
static bool spend(const struct roster *roster, const struct wish *wish, const struct census *census,
	struct order *order)
{
	bool serving = wish_is_serving(wish);
	unsigned enough = serving ? wish->crew.workers : 0;
	bool over = census->old + census->now > enough;

	for (unsigned i = 0; census->spent != 0 && i < roster->size; i++) {
		const struct slot *slot = &roster->slots[i];
		bool younger = slot->generation > wish->crew.generation;
		bool waits = serving && slot->generation == wish->candidate.generation;

		if (slot->state == STATE_SPENT && (younger ? !waits : over))
			return give(order, i, EVENT_RETIRED, slot->generation);
	}
	return false;
}

/* Who is still missing is born in a slot that nobody waits for. */
static bool fill(const struct roster *roster, const struct demand demands[DEMANDS], uint64_t now_ms,
	struct order *order)
{
	for (unsigned d = 0; d < DEMANDS; d++) {
		if (demands[d].count == 0 || !demands[d].spawns)
			continue;
		for (unsigned i = 0; i < roster->size; i++) {
			const struct slot *slot = &roster->slots[i];

			if (slot->state == STATE_VACANT &&
				!is_waiting(slot, &demands[part_of(slot, demands)], now_ms))
				return give(order, i, EVENT_SPAWNED, demands[d].from);
		}
	}
	return false;
}

bool converge_next(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct order *order)
{
	struct plan plan = {.census = take_census(roster, wish, now_ms)};

	make_demands(roster, wish, &plan);
	return settle_slots(roster, wish, now_ms, &plan, order) ||
	       spend(roster, wish, &plan.census, order) ||
	       fill(roster, plan.demands, now_ms, order);
}

uint64_t converge_deadline(const struct roster *roster, const struct wish *wish, uint64_t now_ms)
{
	uint64_t nearest = wish->deadline_ms;

	for (unsigned i = 0; i < roster->size; i++) {
		const struct slot *slot = &roster->slots[i];
		uint64_t due = slot->deadline_ms;

		if (slot->state == STATE_VACANT)
			due = wish_is_serving(wish) && slot->backoff.due_ms > now_ms
				      ? slot->backoff.due_ms
				      : CLOCK_NEVER;
		if (due < nearest)
			nearest = due;
	}
	return nearest;
}
