#include "init/converge.h"

#include "base/clock.h"
#include "init/attendant.h"

/* How many workers one part of the roster may have now. */
struct demand {
	uint64_t generation; /* of which the missing ones are born; 0: it only shrinks */
	unsigned count;
	bool held; /* nobody can be born now */
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
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
	return roster_is_serving(slot) ? RANK_SERVING : RANK_OTHER;
}

/* What a slot is a part of, by its generation. */
enum part {
	PART_OLD, /* before the crew's */
	PART_CREW,
	PART_CANDIDATE,
	PART_DISCARDED, /* younger than the crew's, and not the candidate's */
	PARTS
};

static enum part part_of(const struct slot *slot, const struct wish *wish)
{
	if (slot->generation <= wish->crew.generation)
		return slot->generation == wish->crew.generation ? PART_CREW : PART_OLD;
	return slot->generation == wish->candidate.generation ? PART_CANDIDATE : PART_DISCARDED;
}

/* How many there are of each rank; and who serves, by part. */
struct census {
	unsigned of_rank[RANKS];
	unsigned serving[PARTS];
	unsigned spent; /* of those who serve */
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
		census.serving[part_of(slot, wish)]++;
		census.spent += slot->state == STATE_SPENT;
	}
	return census;
}

bool converge_is_ready(const struct roster *roster, const struct crew *crew)
{
	unsigned n = 0;

	for (unsigned i = 0; i < roster->size; i++)
		n += roster_is_serving(&roster->slots[i]) &&
		     roster->slots[i].generation == crew->generation;
	return n >= least(crew->min_ready, crew->workers) && attendant_all_serve(roster, crew);
}

struct plan {
	struct census census;
	struct demand demands[PARTS];
};

/* Whether anybody is there who empties the backlog, or is about to be told to. */
static bool has_emptier(const struct roster *roster, const struct census *census)
{
	return census->of_rank[RANK_SERVING] != 0 || roster_count(roster, STATE_DRAINING) != 0;
}

static struct demand demand_of(const struct roster *roster, const struct crew *crew, unsigned count)
{
	return (struct demand){
		.generation = crew->generation,
		.count = count,
		.held = attendant_holds(roster, crew),
	};
}

/*
 * A candidate comes up beside the generation that serves, which stays whole. Once promoted, each
 * of its workers that serves lets one of the older ones go, so that there are never fewer than
 * wished for. Generations that were discarded, younger than the crew and not the candidate, go.
 */
static void make_demands(const struct roster *roster, const struct wish *wish, struct plan *plan)
{
	const struct census *census = &plan->census;
	unsigned old = census->serving[PART_OLD], now = census->serving[PART_CREW];
	unsigned younger = census->serving[PART_CANDIDATE] + census->serving[PART_DISCARDED];
	struct demand *demands = plan->demands;
	const struct crew *crew = &wish->crew, *candidate = &wish->candidate;
	bool serving = wish_is_serving(wish);

	demands[PART_OLD].count = 0;
	demands[PART_CREW] = demand_of(roster, crew, crew->workers);
	demands[PART_CANDIDATE] = demand_of(roster, candidate,
		least(candidate->workers, census->serving[PART_CANDIDATE] + candidate->surge));
	/* Those of a candidate that was discarded help out while the crew is not whole. */
	demands[PART_DISCARDED].count =
		least(younger, crew->workers - least(crew->workers, old + now));
	if (old != 0) {
		demands[PART_OLD].count = crew->workers - least(crew->workers, now);
		demands[PART_CREW].count = least(crew->workers, now + crew->surge);
	}
	if (wish_is_emptying(wish))
		demands[PART_OLD].count = old;
	for (unsigned i = 0; i < PARTS && !serving; i++)
		demands[i].count = wish_is_emptying(wish) ? census->serving[i] : 0;
	/* One that comes up as the service ends, to empty what nobody is there to empty. */
	if (wish->phase == PHASE_DRAIN && wish->backlog && !has_emptier(roster, census))
		demands[PART_CREW].count = 1;
}

/*
 * An empty slot that has to wait before it boots again, and keeps its place in the count of its
 * generation. Where nobody is born any more, nobody waits.
 */
static bool is_waiting(const struct slot *slot, const struct demand *demand, uint64_t now_ms)
{
	return has_backoff(slot, now_ms) && demand->generation != 0;
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
	return slot->backoff.due_ms <= now_ms && !demand->held ? EVENT_SPAWNED : EVENTS;
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
			event = slot_needs(slot, &plan->demands[part_of(slot, wish)], wish, now_ms);
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
	bool over = census->serving[PART_OLD] + census->serving[PART_CREW] > enough;

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
static bool fill(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	const struct demand demands[PARTS], struct order *order)
{
	for (enum part part = 0; part < PARTS; part++) {
		if (demands[part].count == 0 || demands[part].generation == 0 || demands[part].held)
			continue;
		for (unsigned i = 0; i < roster->size; i++) {
			const struct slot *slot = &roster->slots[i];

			if (slot->state == STATE_VACANT &&
				!is_waiting(slot, &demands[part_of(slot, wish)], now_ms))
				return give(order, i, EVENT_SPAWNED, demands[part].generation);
		}
	}
	return false;
}

bool converge_next(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct order *order)
{
	struct plan plan = {.census = take_census(roster, wish, now_ms)};

	make_demands(roster, wish, &plan);
	return attendant_next(roster, wish, now_ms, order) ||
	       settle_slots(roster, wish, now_ms, &plan, order) ||
	       spend(roster, wish, &plan.census, order) ||
	       fill(roster, wish, now_ms, plan.demands, order);
}

bool converge_is_awaited(const struct roster *roster, const struct wish *wish, uint64_t now_ms)
{
	for (unsigned i = 0; wish->backlog && i < roster_whole(roster); i++) {
		const struct slot *slot = &roster->slots[i];

		if (slot->state == STATE_VACANT && slot->generation == wish->crew.generation &&
			slot->backoff.due_ms > now_ms && !backoff_is_loop(&slot->backoff))
			return true;
	}
	return false;
}

uint64_t converge_deadline(const struct roster *roster, const struct wish *wish, uint64_t now_ms)
{
	uint64_t nearest = attendant_deadline(roster, wish, now_ms);
	bool is_birthplace = wish_is_serving(wish) || wish->backlog;

	if (wish->deadline_ms < nearest)
		nearest = wish->deadline_ms;
	for (unsigned i = 0; i < roster->size; i++) {
		const struct slot *slot = &roster->slots[i];
		uint64_t due = slot->deadline_ms;

		if (slot->state == STATE_VACANT)
			due = is_birthplace && slot->backoff.due_ms > now_ms ? slot->backoff.due_ms
									     : CLOCK_NEVER;
		if (due < nearest)
			nearest = due;
	}
	return nearest;
}
