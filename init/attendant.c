#include "init/attendant.h"

#include "base/clock.h"

static bool wants_keyholder(const struct settings *settings)
{
	return settings->bind_tls != NULL && settings->tls_key_isolation != 0;
}

static bool wants_zygote(const struct settings *settings)
{
	return settings->preload_app;
}

static bool wants_exporter(const struct settings *settings)
{
	return settings->metrics_bind != NULL;
}

static const struct {
	bool (*is_wanted)(const struct settings *settings); /* NULL: it is no attendant's role */
	enum attendant_share share;
	enum attendant_term term;
	uint64_t since;
} rows[PROCESS_ROLES] = {
	[PROCESS_WORKER] = {.share = ATTENDANT_SERVICE},
#define ATTENDANT(role, wants, shares, term, since) \
	[PROCESS_##role] = {(wants), ATTENDANT_##shares, ATTENDANT_FOR_##term, since},
#include "init/attendants.def"
#undef ATTENDANT
};

unsigned attendant_wanted(const struct settings *settings)
{
	unsigned wanted = 0;

	for (unsigned role = 0; role < PROCESS_ROLES; role++) {
		if (rows[role].is_wanted != NULL && rows[role].is_wanted(settings))
			wanted |= ATTENDANT_BIT(role);
	}
	return wanted;
}

enum attendant_share attendant_share(enum process_role role)
{
	return rows[role].share;
}

uint64_t attendant_since(enum process_role role)
{
	return rows[role].since;
}

/* Who is there. */

static const struct slot *first_attendant(const struct roster *roster)
{
	return roster->slots + roster->size;
}

static bool is_of(const struct slot *slot, uint64_t generation, enum process_role role)
{
	return slot->generation == generation && slot->role == role;
}

int attendant_find(const struct roster *roster, uint64_t generation, enum process_role role)
{
	for (unsigned i = roster->size; i < roster_whole(roster); i++) {
		const struct slot *slot = &roster->slots[i];

		if (slot->state == STATE_SERVING && is_of(slot, generation, role))
			return (int)i;
	}
	return -1;
}

static bool lacks(const struct roster *roster, const struct crew *crew, enum process_role role)
{
	return (crew->attendants & ATTENDANT_BIT(role)) != 0 &&
	       attendant_find(roster, crew->generation, role) < 0;
}

bool attendant_holds(const struct roster *roster, const struct crew *crew)
{
	for (enum process_role role = 0; role < PROCESS_ROLES; role++) {
		if (rows[role].term == ATTENDANT_FOR_WORKERS && lacks(roster, crew, role))
			return true;
	}
	return false;
}

bool attendant_all_serve(const struct roster *roster, const struct crew *crew)
{
	for (enum process_role role = 0; role < PROCESS_ROLES; role++) {
		if (lacks(roster, crew, role))
			return false;
	}
	return true;
}

static bool has_workers(const struct roster *roster, uint64_t generation)
{
	for (unsigned i = 0; i < roster->size; i++) {
		if (roster->slots[i].state != STATE_VACANT &&
			roster->slots[i].generation == generation)
			return true;
	}
	return false;
}

static bool has_any_worker(const struct roster *roster)
{
	return roster_count(roster, STATE_VACANT) != roster->size;
}

/* What is wished. */

/* NULL: that generation can give birth to nobody any more. */
static const struct crew *crew_of(const struct wish *wish, uint64_t generation)
{
	if (generation == 0)
		return NULL;
	if (generation == wish->crew.generation)
		return &wish->crew;
	return generation == wish->candidate.generation ? &wish->candidate : NULL;
}

/* Also when it rests; and at its end for as long as there is anything to tell. */
static bool is_going_on(const struct roster *roster, const struct wish *wish)
{
	return wish->phase < PHASE_DRAIN ||
	       (wish->phase == PHASE_DRAIN && (wish->backlog || has_any_worker(roster)));
}

/* One that is there stays as long as it is of use to somebody. */
static bool is_needed(const struct roster *roster, const struct wish *wish, uint64_t generation,
	enum process_role role)
{
	bool is_birthplace = wish_is_serving(wish) || wish->backlog;

	if (rows[role].term == ATTENDANT_FOR_SERVICE)
		return crew_of(wish, generation) != NULL && is_going_on(roster, wish);
	return (is_birthplace && crew_of(wish, generation) != NULL) ||
	       has_workers(roster, generation);
}

/* Whether one that is missing is to be born. */
static bool is_wished(const struct roster *roster, const struct wish *wish, uint64_t generation,
	enum process_role role)
{
	const struct crew *crew = crew_of(wish, generation);

	return crew != NULL && (crew->attendants & ATTENDANT_BIT(role)) != 0 &&
	       wish->phase < PHASE_QUICK && is_needed(roster, wish, generation, role);
}

/* An empty slot that keeps its place: for the one that died in it, or could not be had. */
static bool is_waiting(const struct roster *roster, const struct wish *wish,
	const struct slot *slot)
{
	bool has_backoff = slot->backoff.failures != 0 || slot->backoff.due_ms != 0;

	return slot->state == STATE_VACANT && has_backoff &&
	       is_wished(roster, wish, slot->generation, slot->role);
}

/* What has to happen. */

static bool give(struct order *order, unsigned index, enum event event, const struct slot *of)
{
	*order = (struct order){
		.slot = index,
		.event = event,
		.generation = of->generation,
		.role = of->role,
	};
	return true;
}

/* Who is there for the service has clients, and finishes what it has. */
static enum event farewell(const struct wish *wish, const struct slot *slot)
{
	return rows[slot->role].term == ATTENDANT_FOR_SERVICE && wish->phase < PHASE_QUICK
		       ? EVENT_RETIRED
		       : EVENT_HURRIED;
}

static enum event slot_needs(const struct roster *roster, const struct wish *wish,
	const struct slot *slot, uint64_t now_ms)
{
	if (slot->state == STATE_VACANT)
		return is_waiting(roster, wish, slot) && slot->backoff.due_ms <= now_ms
			       ? EVENT_SPAWNED
			       : EVENTS;
	if (slot->deadline_ms <= now_ms)
		return EVENT_OVERDUE;
	return is_needed(roster, wish, slot->generation, slot->role) ? EVENTS
								     : farewell(wish, slot);
}

static bool settle(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct order *order)
{
	for (unsigned i = roster->size; i < roster_whole(roster); i++) {
		const struct slot *slot = &roster->slots[i];
		enum event event = slot_needs(roster, wish, slot, now_ms);

		if (event != EVENTS && roster_next(roster, i, event) != STATES)
			return give(order, i, event, slot);
	}
	return false;
}

/* There is one, living or to be born again; or there is no slot free: then the next turn looks. */
static bool is_missing(const struct roster *roster, const struct wish *wish,
	const struct slot *wished, unsigned *free)
{
	*free = roster_whole(roster);
	for (unsigned i = roster->size; i < roster_whole(roster); i++) {
		const struct slot *slot = &roster->slots[i];
		bool is_taken = slot->state != STATE_VACANT || is_waiting(roster, wish, slot);

		if (is_taken && is_of(slot, wished->generation, wished->role))
			return false;
		if (!is_taken && *free == roster_whole(roster))
			*free = i;
	}
	return *free != roster_whole(roster);
}

static bool fill(const struct roster *roster, const struct wish *wish, uint64_t generation,
	struct order *order)
{
	for (enum process_role role = 0; role < PROCESS_ROLES; role++) {
		const struct slot wished = {.generation = generation, .role = role};
		unsigned free;

		if (is_wished(roster, wish, generation, role) &&
			is_missing(roster, wish, &wished, &free))
			return give(order, free, EVENT_SPAWNED, &wished);
	}
	return false;
}

bool attendant_next(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct order *order)
{
	return settle(roster, wish, now_ms, order) ||
	       fill(roster, wish, wish->crew.generation, order) ||
	       fill(roster, wish, wish->candidate.generation, order);
}

uint64_t attendant_deadline(const struct roster *roster, const struct wish *wish, uint64_t now_ms)
{
	uint64_t nearest = CLOCK_NEVER;

	for (unsigned i = 0; i < roster->attendants; i++) {
		const struct slot *slot = &first_attendant(roster)[i];
		uint64_t due = slot->deadline_ms;

		if (slot->state == STATE_VACANT)
			due = is_waiting(roster, wish, slot) && slot->backoff.due_ms > now_ms
				      ? slot->backoff.due_ms
				      : CLOCK_NEVER;
		if (due < nearest)
			nearest = due;
	}
	return nearest;
}
