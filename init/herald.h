/*
 * herald.h - tells those outside what happens to the service: hooks (with the facts of the moment)
 * and the service manager.
 *
 * What lasts longer than a moment is not told by whoever causes it but found by looking, once a
 * turn: another number of workers, a new generation, the end. So no verb can forget to tell.
 */
#ifndef INIT_HERALD_H
#define INIT_HERALD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/hooks.h"
#include "init/notify.h"

struct arbiter;

/* Embedded in struct arbiter: what has been told. */
struct herald {
	struct hooks hooks;
	struct notify notify;
	bool asked;	     /* on_starting was fired */
	bool started;	     /* and has ended well: workers may be spawned */
	bool ready;	     /* the service has been ready */
	bool reloading;	     /* the manager waits for the end of a reload */
	bool ending;	     /* on_drain was fired */
	bool exiting;	     /* on_exit was fired */
	uint64_t end_ms;     /* until then a stop takes no longer than graceful_timeout */
	uint64_t exit_ms;    /* when the arbiter stops waiting for hooks */
	uint64_t generation; /* the newest that on_reload has told of */
	unsigned workers;
	char said[NOTIFY_STATE_MAX]; /* to the manager */
};

/* Memory alone: 0, or -ENOMEM with `why`. herald_close() is due in both cases. */
MUST_USE int herald_prepare(struct arbiter *arbiter, struct text *why);
/* Looks for the service manager. 0: one that cannot be told is no reason not to serve. */
MUST_USE int herald_open(struct arbiter *arbiter, struct text *why);
void herald_close(struct arbiter *arbiter);

/* Moments: */
void herald_reloading(struct arbiter *arbiter);
void herald_ready(struct arbiter *arbiter);
void herald_pre_exec(struct arbiter *arbiter);
void herald_forking(struct arbiter *arbiter, unsigned slot);
void herald_forked(struct arbiter *arbiter, unsigned slot);
/* Of the slot `index`; `signal_name` is NULL when the worker exited, with `status`. */
void herald_buried(struct arbiter *arbiter, unsigned index, const char *cause, int status,
	const char *signal_name);

/* Looks what is new, and fires what is due. */
void herald_turn(struct arbiter *arbiter);
PURE uint64_t herald_deadline(const struct arbiter *arbiter);

/* Whether workers may be spawned: on_starting has ended. If it failed, the service ends. */
bool herald_has_started(struct arbiter *arbiter);
/* With no worker left: whether on_exit and all other hooks have ended, or had their time. */
bool herald_has_ended(struct arbiter *arbiter);

#endif
