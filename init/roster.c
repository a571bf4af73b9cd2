#include "init/roster.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"

/* A row given twice overrides itself, which -Werror=override-init refuses to compile. */
static const struct step {
	bool possible;
	enum state next;
	enum cause cause;
} steps[STATES][EVENTS] = {
#define STEP(in, on, becomes, dies_of)                \
	[STATE_##in][EVENT_##on] = {.possible = true, \
		.next = STATE_##becomes,              \
		.cause = CAUSE_##dies_of},
#include "init/steps.def"
#undef STEP
};

static const size_t limit_offsets[STATES] = {
#define STATE(name, limit, meaning) [STATE_##name] = offsetof(struct roster_limits, limit),
#include "init/states.def"
#undef STATE
};

static const char *const state_names[STATES] = {
#define STATE(name, limit, meaning) [STATE_##name] = #name,
#include "init/states.def"
#undef STATE
};

static const char *const event_names[EVENTS] = {
#define EVENT(name, meaning) [EVENT_##name] = #name,
#include "init/events.def"
#undef EVENT
};

static const char *const cause_names[CAUSES] = {
#define CAUSE(name, text, meaning) [CAUSE_##name] = (text),
#include "init/causes.def"
#undef CAUSE
};

int roster_init(struct roster *roster, unsigned size, unsigned attendants,
	const struct roster_limits *limits)
{
	*roster = (struct roster){.size = size, .attendants = attendants, .limits = *limits};
	roster->limits.none = CLOCK_NEVER;
	roster->slots = calloc(roster_whole(roster), sizeof(*roster->slots));
	return roster->slots != NULL ? 0 : -ENOMEM;
}

void roster_free(struct roster *roster)
{
	free(roster->slots);
	*roster = (struct roster){0};
}

unsigned roster_whole(const struct roster *roster)
{
	return roster->size + roster->attendants;
}

enum state roster_next(const struct roster *roster, unsigned slot, enum event event)
{
	const struct step *step = &steps[roster->slots[slot].state][event];

	return step->possible ? step->next : STATES;
}

static uint64_t state_deadline(const struct roster *roster, enum state state, uint64_t now_ms)
{
	const char *limits = (const char *)&roster->limits;
	uint64_t limit = *(const uint64_t *)(const void *)(limits + limit_offsets[state]);

	return limit == CLOCK_NEVER ? CLOCK_NEVER : now_ms + limit;
}

static bool serves(enum state state)
{
	return state == STATE_SERVING || state == STATE_SPENT;
}

/* One that was told to leave is no failure, however young; nor is one that proved itself. */
static void count_death(struct slot *slot, uint64_t now_ms)
{
	/* Not until it is dead: a silence that it is left for proves nothing. */
	bool proven = slot->served_ms != 0 && slot->left_ms - slot->served_ms >= BACKOFF_PROVEN_MS;

	if (proven)
		backoff_clear(&slot->backoff);
	else if (slot->killed)
		backoff_kill(&slot->backoff, now_ms);
	else if (slot->cause != CAUSE_RETIRED && slot->cause != CAUSE_GRACEFUL_TIMEOUT)
		backoff_fail(&slot->backoff, now_ms);
}

static void note_event(struct slot *slot, enum event event, uint64_t now_ms)
{
	if (event == EVENT_SPAWNED) {
		slot->born_ms = now_ms;
		slot->served_ms = 0;
	} else if (event == EVENT_READY && slot->served_ms == 0) {
		slot->served_ms = now_ms;
	} else if (event == EVENT_REFUSED) {
		backoff_refuse(&slot->backoff, now_ms);
	} else if (event == EVENT_EXITED) {
		count_death(slot, now_ms);
		slot->pid = 0;
		slot->cause = CAUSE_NONE;
		slot->killed = false;
	}
}

void roster_assign(struct roster *roster, unsigned index, uint64_t generation,
	enum process_role role)
{
	struct slot *slot = &roster->slots[index];

	if (slot->generation != generation || slot->role != role)
		backoff_clear(&slot->backoff);
	slot->generation = generation;
	slot->role = role;
}

bool roster_step(struct roster *roster, unsigned index, enum event event, uint64_t now_ms)
{
	struct slot *slot = &roster->slots[index];
	const struct step *step = &steps[slot->state][event];

	if (!step->possible)
		return false;
	/* What it was told before it fell silent is what it dies of. */
	if (step->cause != CAUSE_NONE && (slot->state != STATE_SILENT || slot->cause == CAUSE_NONE))
		slot->cause = step->cause;
	if (serves(slot->state) && !serves(step->next))
		slot->left_ms = now_ms;
	note_event(slot, event, now_ms);
	slot->state = step->next;
	slot->deadline_ms = state_deadline(roster, step->next, now_ms);
	return true;
}

void roster_postpone(struct roster *roster, uint64_t ms)
{
	for (unsigned i = 0; i < roster_whole(roster); i++) {
		if (roster->slots[i].deadline_ms != CLOCK_NEVER)
			roster->slots[i].deadline_ms += ms;
	}
}

int roster_find(const struct roster *roster, pid_t pid)
{
	for (unsigned i = 0; i < roster_whole(roster); i++) {
		if (roster->slots[i].state != STATE_VACANT && roster->slots[i].pid == pid)
			return (int)i;
	}
	return -1;
}

unsigned roster_count(const struct roster *roster, enum state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < roster->size; i++)
		n += roster->slots[i].state == state;
	return n;
}

unsigned roster_occupied(const struct roster *roster)
{
	unsigned n = 0;

	for (unsigned i = 0; i < roster_whole(roster); i++)
		n += roster->slots[i].state != STATE_VACANT;
	return n;
}

bool roster_is_leaving(const struct slot *slot)
{
	bool is_offender = slot->cause == CAUSE_MISBEHAVED || slot->cause == CAUSE_SANDBOX;

	return (slot->state >= STATE_DRAINING && !is_offender) ||
	       (slot->state == STATE_SILENT && slot->cause == CAUSE_RETIRED);
}

bool roster_is_serving(const struct slot *slot)
{
	return serves(slot->state);
}

const char *roster_state_name(enum state state)
{
	return state_names[state];
}

const char *roster_event_name(enum event event)
{
	return event_names[event];
}

const char *roster_cause_name(enum cause cause)
{
	return cause_names[cause];
}
