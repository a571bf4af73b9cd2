/*
 * upgrade.h - SIGUSR2: another image of narwhal under the same pid, and back again if it is bad.
 *
 * docs/UPGRADE.md tells it as a story. Here: the state of an upgrade, stepped by the table in
 * upgrade_steps.def, and what entering a state asks of the world. What survives is heirloom.def's;
 * trying the new image is trial.h's; how an image begins that was exec'd so is succession.h's.
 */
#ifndef INIT_UPGRADE_H
#define INIT_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/image.h"
#include "init/printed.h"
#include "init/roster.h"

struct arbiter;

enum upgrade_state {
#define UPGRADE_STATE(name, meaning) UPGRADE_##name,
#include "init/upgrade_states.def"
#undef UPGRADE_STATE
	UPGRADES
};

enum upgrade_event {
#define UPGRADE_EVENT(name, meaning) UPGRADE_EVENT_##name,
#include "init/upgrade_events.def"
#undef UPGRADE_EVENT
	UPGRADE_EVENTS
};

struct upgrade {
	enum upgrade_state state;
	const char
		*wanted; /* the image that was asked for, while it is asked; NULL: the usual one */
	bool hold;	 /* no time ends HELD: somebody says commit or rollback */
	uint64_t deadline_ms;  /* of the state; CLOCK_NEVER */
	uint64_t begun_ms;     /* when it was asked for */
	uint64_t frozen_ms;    /* from then on nobody turned the loop, until the next image does */
	const char *recalled;  /* why it shall go back, at the end of this turn; NULL */
	uint64_t reads;	       /* the newest heirloom that the image which froze can thaw */
	struct image_hold own; /* what runs here */
	struct image_hold other;      /* what may run here next: the new one, or the old one */
	pid_t trial;		      /* 0: none runs */
	int report_fd;		      /* what it says of itself; -1 */
	struct printed printed;	      /* what it prints */
	uint64_t hooks_failed;	      /* pre_exec's failures, before it was fired */
	char process_name[16];	      /* ours: after an exec by descriptor it would be a number */
	char reason[768];	      /* why it failed; "" */
	enum upgrade_state failed_in; /* then: where it stood; NONE: an older image knew */
};

void upgrade_init(struct upgrade *upgrade);
/* Holds what runs here, so that a later image can give way to it. 0: without that, no upgrades. */
MUST_USE int upgrade_open(struct arbiter *arbiter, struct text *why);
void upgrade_close(struct upgrade *upgrade);

/* SIGUSR2; `hold`: see struct upgrade; `image`: NULL, or which. Refused with one line. */
void upgrade_ask(struct arbiter *arbiter, bool hold, const char *image);
/* Steps it, if the table knows that step; `reason` makes its line an error; NULL: all is well. */
bool upgrade_step(struct arbiter *arbiter, enum upgrade_event event, const char *reason);
/*
 * Calls it back at the end of this turn, for an exec would lose the signals that were read with
 * this one. False: there is nothing to call back. `reason` must stay.
 */
MUST_USE bool upgrade_recall(struct arbiter *arbiter, const char *reason);
/*
 * SIGHUP and SIGWINCH while two generations serve, as Gunicorn's old master has them: its workers
 * shall stay, or may go. On the way back neither does anything. False: the signal means what it
 * always does.
 */
bool upgrade_keep(struct arbiter *arbiter);
bool upgrade_give_way(struct arbiter *arbiter);
/* Looks what has become of it; once a turn. */
void upgrade_turn(struct arbiter *arbiter);
PURE uint64_t upgrade_deadline(const struct arbiter *arbiter);

/* The clock went on, and nobody could do anything meanwhile. */
void upgrade_postpone(struct upgrade *upgrade, uint64_t ms);

/* The candidate must not take over yet, however ready it is. */
PURE bool upgrade_holds(const struct arbiter *arbiter);
/* Why a candidate came to nothing. */
void upgrade_note(struct arbiter *arbiter, const char *reason);
/* A worker has died: of the new generation, and of itself, it takes the upgrade with it. */
void upgrade_mourn(struct arbiter *arbiter, unsigned index, enum cause cause);

const char *upgrade_state_name(enum upgrade_state state) PURE;

#endif
