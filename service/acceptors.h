/*
 * acceptors.h - takes connections from the listeners that all workers share.
 *
 * EPOLLEXCLUSIVE wakes one idle worker for a connection; after that the listener is watched anew,
 * which puts this worker behind the others in the kernel's queue, so that all get the same share.
 * With reuse_port one worker comes first at each of an address's sockets: the others go behind it
 * after each connection that they take there, and it never does.
 * When nothing more can be held, the listeners are not watched at all.
 */
#ifndef SERVICE_ACCEPTORS_H
#define SERVICE_ACCEPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/loop.h"

struct worker;

enum acceptor_kind {
	ACCEPTOR_SHARED,  /* by all workers, in turn */
	ACCEPTOR_OWN,	  /* this worker comes first */
	ACCEPTOR_FOREIGN, /* another worker does: this one takes what that cannot */
};

struct acceptor {
	struct watch watch; /* the listener's descriptor is the heritage's */
	struct worker *worker;
	enum acceptor_kind kind;
	bool tls;
	unsigned burst; /* how many are likely to wait */
	bool ran_empty; /* since acceptors_drain() */
};

struct acceptors {
	size_t count;
	struct acceptor all[HERITAGE_LISTENERS];
	bool all_unix; /* no client comes from a network */
	bool watching;
	bool complained;    /* about errors, since the last connection */
	uint64_t resume_ms; /* when to try again after a pause */
	uint64_t window_ms; /* the turn in which `window_used` was the pool's */
	size_t window_used;
	bool looking;		  /* between two requests of a turn */
	uint64_t looked_ms;	  /* when this turn has asked them last; as clock_tick_ms() */
	uint64_t looked_requests; /* that were served by then */
	bool draining;
	bool ran_empty;	    /* all of them */
	uint64_t settle_ms; /* when a drain stops accepting */
};

MUST_USE int acceptors_open(struct worker *worker);
/* Accepts no more, for good. */
void acceptors_close(struct worker *worker);
/* For accept.c: none is watched for so long; CLOCK_NEVER: until a connection ends, or idles. */
void acceptors_pause(struct worker *worker, uint64_t ms);
/* Likewise: behind the other workers, as the kernel wakes the first of several that wait. */
void acceptors_rewatch(struct worker *worker, struct acceptor *acceptor);
/* A connection has ended: there is room again, and a descriptor. */
void acceptors_resume(struct worker *worker);
/* A connection has become idle: when all were busy, a new one can take its place now. */
void acceptors_resume_full(struct worker *worker);
/* Begins to look for the end of the backlog. */
void acceptors_drain(struct worker *worker);
/* A turn begins. */
void acceptors_begin(struct worker *worker);
/*
 * Behind each event of a turn: when requests are slow, who waits in a backlog has his turn between
 * them, and soon: the others have had one.
 */
void acceptors_look(struct worker *worker);
/* What was to happen by now; says whether a drain has come to its end. */
bool acceptors_tick(struct worker *worker);
/* CLOCK_NEVER, or when acceptors_tick() is due. */
PURE uint64_t acceptors_nearest(const struct acceptors *acceptors);

#endif
