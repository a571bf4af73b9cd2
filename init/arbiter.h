/*
 * arbiter.h - PID 1: holds everything, and turns the one loop.
 *
 * Each turn: read signals in order, read what workers say, reap, fire deadlines; all of that only
 * steps the roster or edits the wish. Then arbiter_converge() makes the one into the other.
 * After the line of no death (see arbiter_serve) nothing that the world does ends the arbiter.
 */
#ifndef INIT_ARBITER_H
#define INIT_ARBITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/loop.h"
#include "init/certificate_watch.h"
#include "init/child.h"
#include "init/config.h"
#include "init/descriptors.h"
#include "init/generation.h"
#include "init/herald.h"
#include "init/inherit.h"
#include "init/listener_set.h"
#include "init/notice.h"
#include "init/oom.h"
#include "init/pidfile.h"
#include "init/roster.h"
#include "init/scribe.h"
#include "init/sources.h"
#include "init/status_socket.h"
#include "init/tally.h"
#include "init/tickets.h"
#include "init/upgrade.h"
#include "init/violations.h"
#include "init/wish.h"

#define ARBITER_WORKERS_MAX 512
#define ARBITER_SLOTS (2 * ARBITER_WORKERS_MAX) /* those who leave and their successors */
#define ARBITER_ATTENDANTS 64			/* of all generations that have a worker left */
#define ARBITER_CHILDREN (ARBITER_SLOTS + ARBITER_ATTENDANTS)

struct program;

struct arbiter {
	struct program *program; /* init mode's: then this one bears an upgrade, and no service */
	const struct config_input *input; /* for a reload: where the config was read from */
	struct log log;
	struct loop loop;
	struct watch signals;
	struct sources sources;
	struct watch noticeboard;   /* see noticeboard.h; fd -1 when there is none */
	struct notice_pace notices; /* how fast it is read */
	struct status_socket status;
	struct pidfile pidfile;
	struct roster roster;
	struct child *children; /* ARBITER_CHILDREN of them, beside the roster's slots */
	struct wish wish;
	struct herald herald;
	struct upgrade upgrade;
	struct generation made[2];
	struct generation *current;   /* the one that serves: of made[] */
	struct generation *candidate; /* the other of made[]; its number is 0 when there is none */
	uint64_t generations;	      /* made so far, the failed ones, too */
	struct shelf shelf;	      /* listeners that only workers who leave have */
	struct inherited inherited;
	struct tickets tickets;
	struct certificate_watch certificate_watch;
	int start_fd;	/* where narwhal was started: a relative config file is looked for there; -1
			 */
	char *heritage; /* HERITAGE_SIZE_MAX bytes to write a heritage in, or the metrics page */

	uint64_t born_ms;
	uint64_t born_wall_ms; /* since 1970 */
	uint64_t reap_ms;      /* when to look again for the dead; CLOCK_NEVER: at SIGCHLD */
	uint64_t now_ms;       /* of this turn */
	uint64_t woken_ms;     /* when it last found that it had slept too long */
	bool ready;	       /* told so: the ready file is there */
	uint64_t ready_ms; /* when it was so first; from then on the arbiter never gives up; or 0 */
	uint64_t reload_ms;    /* when the candidate was made */
	uint64_t promoted_ms;  /* when the one that serves took over; 0: with this image */
	uint64_t announced;    /* the generation that was said to be ready; or 0 */
	uint64_t told;	       /* the one that the ready file names; 0 while there is no file */
	struct scribe scribe;  /* who makes the ready file, and removes it */
	uint64_t retry_ms;     /* when the ready file is tried again; CLOCK_NEVER */
	uint64_t introduce_ms; /* when introductions are tried again; CLOCK_NEVER */
	uint64_t scrape_ms;    /* when the metrics page may be written again */
	bool scrape_refused;   /* the last time it could not be written */
	struct tally tally;
	uint64_t requests;	      /* served by workers that are gone */
	uint64_t dropped;	      /* connections that they had when they were killed */
	uint64_t killed;	      /* workers that ended by SIGKILL */
	uint64_t exits[CAUSES];	      /* of workers, by their cause */
	struct violations violations; /* what sandbox_mode = log has told of */
	struct descriptors descriptors;
	struct oom oom;
	int termination_fd;   /* the termination log; -1 when there is none */
	char last_cause[512]; /* why the service ends: a signal, or what went wrong */
};

/* Runs the service from its start to its end; takes *config. The exit status. */
MUST_USE int arbiter_serve(struct config *config, const struct config_input *input);

/* From the line of no death to the end, for one that is open; closes it. The exit status. */
MUST_USE int arbiter_live(struct arbiter *arbiter);

/* Carries an event out: what it takes of the world, then the step in the roster. */
void arbiter_step(struct arbiter *arbiter, unsigned index, enum event event);
/* Who is in a slot, for a log line: slot=N of a worker, role=NAME of an attendant. */
struct log_field arbiter_who(const struct arbiter *arbiter, unsigned index);
/* Moves the service on, if the table knows that move. */
void arbiter_turn(struct arbiter *arbiter, enum turn turn);
/*
 * A worker of that generation cannot boot. A candidate fails; a service that was never ready ends;
 * and one that was ready goes on with what it has.
 */
void arbiter_give_up(struct arbiter *arbiter, uint64_t generation, int exit_status,
	const char *reason);
/* The same of who was to boot in that slot, and `what` it does instead: "a worker WHAT". */
void arbiter_give_up_boot(struct arbiter *arbiter, unsigned index, const char *what);

#endif
