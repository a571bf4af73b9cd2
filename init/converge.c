#include "init/converge.h"

#include "base/clock.h"

/* What has to happen to a slot that is `wanted` or not. EVENTS: nothing. */
static enum event slot_needs(const struct slot *slot, bool wanted, enum phase phase,
	uint64_t now_ms)
{
	if (slot->deadline_ms <= now_ms && slot->state != STATE_VACANT)
		return EVENT_OVERDUE;
	if (slot->state == STATE_VACANT)
		return wanted && slot->backoff.due_ms <= now_ms ? EVENT_SPAWNED : EVENTS;
	if (phase == PHASE_QUICK)
		return EVENT_HURRIED;
	return wanted ? EVENTS : EVENT_RETIRED;
}

/*
 * The first slots that are not leaving are the wanted ones, as many as are wished for: a vacant
 * one among them waits for its backoff and lets no other slot jump in, so that a crash loop has
 * no way around its delay; one that is leaving is replaced at once.
 */
bool converge_next(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct order *order)
{
	unsigned wanted = wish_count(wish);

	for (unsigned i = 0; i < roster->size; i++) {
		const struct slot *slot = &roster->slots[i];
		bool counted = !roster_is_leaving(slot) && wanted > 0;
		enum event event = slot_needs(slot, counted, wish->phase, now_ms);

		wanted -= counted;
		if (event == EVENTS || roster_next(roster, i, event) == STATES)
			continue;
		*order = (struct order){.slot = i, .event = event};
		return true;
	}
	return false;
}

uint64_t converge_deadline(const struct roster *roster, const struct wish *wish)
{
	uint64_t nearest = wish->deadline_ms;
	unsigned wanted = wish_count(wish);

	for (unsigned i = 0; i < roster->size; i++) {
		const struct slot *slot = &roster->slots[i];
		bool counted = !roster_is_leaving(slot) && wanted > 0;
		uint64_t due = slot->deadline_ms;

		wanted -= counted;
		if (slot->state == STATE_VACANT)
			due = counted ? slot->backoff.due_ms : CLOCK_NEVER;
		if (due < nearest)
			nearest = due;
	}
	return nearest;
}
