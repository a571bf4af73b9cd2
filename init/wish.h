/*
 * wish.h - what is wished of the service. Verbs (signals, deadlines, commands) change wishes and
 * nothing else; converge.h compares them with the roster.
 *
 * Pure.
 */
#ifndef INIT_WISH_H
#define INIT_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum phase {
#define PHASE(name, limit, meaning) PHASE_##name,
#include "init/phases.def"
#undef PHASE
	PHASES
};

enum turn {
#define TURN(name, meaning) TURN_##name,
#include "init/turns.def"
#undef TURN
	TURNS
};

/* Time limits in ms. */
struct wish_limits {
	uint64_t none; /* CLOCK_NEVER, by wish_init() */
	uint64_t drain_delay;
	uint64_t drain; /* longer than any worker's own limit: only a stuck one gets there */
	uint64_t quick;
	uint64_t sweep;
};

/* What is wished of one generation. */
struct crew {
	uint64_t generation; /* 0: of none */
	unsigned workers;    /* as many as configured, plus TTIN, minus TTOU */
	unsigned min_ready;  /* so many make it ready */
	unsigned surge;	     /* workers beyond the wished number, while it replaces an older one */
	unsigned attendants; /* ATTENDANT_BIT() of each role that it needs */
};

struct wish {
	enum phase phase;
	uint64_t deadline_ms;  /* the phase's; CLOCK_NEVER for none */
	struct crew crew;      /* the generation that serves, or is to serve first */
	struct crew candidate; /* the one that is to replace it, once it is ready */
	unsigned most;	       /* workers of a crew, at the most */
	bool backlog;	       /* connections wait, and the service ends: somebody must take them */
	bool empties_first;    /* workers accept no more once they are told to leave */
	bool leftover;	       /* connections wait where older ones of that kind alone listen */
	int exit_status;       /* the arbiter's, when the service has ended */
	struct wish_limits limits;
};

void wish_init(struct wish *wish, const struct crew *crew, unsigned most,
	const struct wish_limits *limits);
/* Moves to the next phase by the table in moves.def. False: nothing changed. */
bool wish_move(struct wish *wish, enum turn turn, uint64_t now_ms);
/* One worker more or less, at least one. False: not any more, or not possible. */
bool wish_more(struct wish *wish);
bool wish_fewer(struct wish *wish);
/* The candidate takes over; or there is none any more. */
void wish_promote(struct wish *wish);
void wish_discard(struct wish *wish);

/* Workers are wished for: the service has not been asked to end or to rest. */
PURE bool wish_is_serving(const struct wish *wish);
/* Those who serve, or served before a reload, stay until nothing waits any more. */
PURE bool wish_is_emptying(const struct wish *wish);
/* The service has been asked to end. */
PURE bool wish_is_ending(const struct wish *wish);

const char *wish_phase_name(enum phase phase) PURE;

#endif
