/*
 * roster.h - who there is: a slot for each process that is, was or may become a worker; and behind
 * these the ones of attendants (attendant.h), which live by the same table.
 *
 * Pure: it knows states and deadlines and steps them by the table in steps.def. It forks nobody,
 * signals nobody and reads no clock. Which event comes next is converge.h's to decide.
 */
#ifndef INIT_ROSTER_H
#define INIT_ROSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/roles.h"
#include "init/backoff.h"

enum state {
#define STATE(name, limit, meaning) STATE_##name,
#include "init/states.def"
#undef STATE
	STATES
};

enum event {
#define EVENT(name, meaning) EVENT_##name,
#include "init/events.def"
#undef EVENT
	EVENTS
};

enum cause {
#define CAUSE(name, text, meaning) CAUSE_##name,
#include "init/causes.def"
#undef CAUSE
	CAUSES
};

/* Time limits in ms. */
struct roster_limits {
	uint64_t none; /* CLOCK_NEVER, by roster_init() */
	uint64_t boot_timeout;
	uint64_t graceful_timeout;
	uint64_t hurry;
};

struct slot {
	enum state state;
	enum process_role role;
	enum cause cause; /* of the death that is coming, as far as it is known */
	pid_t pid;	  /* 0 while VACANT */
	bool killed;	  /* the death that is counted next was somebody else's doing */
	uint64_t generation;
	uint64_t born_ms;     /* when it was forked */
	uint64_t served_ms;   /* when it said READY; 0 before */
	uint64_t left_ms;     /* when it served no more: exited, hung up, or was told to leave */
	uint64_t deadline_ms; /* OVERDUE happens then; CLOCK_NEVER for none */
	struct backoff backoff;
};

struct roster {
	struct slot *slots;  /* owned; never more */
	unsigned size;	     /* so many are workers' */
	unsigned attendants; /* and so many behind them are attendants' */
	struct roster_limits limits;
};

/* All VACANT. 0 or -ENOMEM. */
MUST_USE int roster_init(struct roster *roster, unsigned size, unsigned attendants,
	const struct roster_limits *limits);
void roster_free(struct roster *roster);

/* What the event would make of the slot, or STATES when it cannot happen there. */
PURE enum state roster_next(const struct roster *roster, unsigned slot, enum event event);
/* Who is spawned there next is this one; the failures of another are not its own. */
void roster_assign(struct roster *roster, unsigned index, uint64_t generation,
	enum process_role role);
/*
 * Steps the slot. False: an impossible event, nothing changed. After EXITED the slot is VACANT
 * and counts the death against its backoff, unless it was told to leave.
 */
bool roster_step(struct roster *roster, unsigned index, enum event event, uint64_t now_ms);

/* Moves every deadline: for a time in which nobody could run. */
void roster_postpone(struct roster *roster, uint64_t ms);

/* The slot of a process, or -1. */
PURE int roster_find(const struct roster *roster, pid_t pid);
/* Workers in that state. */
PURE unsigned roster_count(const struct roster *roster, enum state state);
/* All slots: the workers', and behind them the attendants'. */
PURE unsigned roster_whole(const struct roster *roster);
/* Slots that hold a process, be it a worker or an attendant. */
PURE unsigned roster_occupied(const struct roster *roster);
/* Takes requests: SERVING, or SPENT. */
PURE bool roster_is_serving(const struct slot *slot);
/*
 * Told to go: its place is free for a successor, also when it has closed its channel since. One
 * that is SILENT by itself, has misbehaved or asked for what its filter refuses keeps it until it
 * is buried, so that its death counts before another boots.
 */
PURE bool roster_is_leaving(const struct slot *slot);

const char *roster_state_name(enum state state) PURE;
const char *roster_event_name(enum event event) PURE;
const char *roster_cause_name(enum cause cause) PURE;

#endif
