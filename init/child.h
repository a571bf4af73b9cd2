/* child.h - what the arbiter holds of a process that it has spawned. Data alone. */
#ifndef INIT_CHILD_H
#define INIT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/page.h"

struct arbiter;

/* The hands' side of a slot: what the arbiter holds of a living worker, or attendant. */
struct child {
	struct watch watch; /* its channel; fd -1 when there is none */
	struct arbiter *arbiter;
	unsigned slot;
	bool unborn;	     /* a zygote was told to fork it: its pid is not known yet */
	struct page *page;   /* NULL when there is none */
	int page_fd;	     /* its memory's, for the image that comes after this one; -1 */
	uint64_t timeout_ms; /* its generation's; 0: its heartbeat is not looked at */
	unsigned messages;   /* received since counted_ms, the last look, or the last line */
	uint64_t counted_ms;
	uint64_t look_ms;    /* when its heartbeat is looked at next; CLOCK_NEVER while it idles */
	uint64_t seen_turns; /* page->turns, at the last look */
	uint64_t stopped_ms; /* since when a signal holds it, as SIGSTOP does; 0: none */

	struct watch notifier; /* where its filter asks, see warden.h; fd -1 when there is none */
	bool confined;	       /* it has handed that over: it does so once */
	bool logs_only;	       /* its generation's sandbox_mode: what it asks for goes on */
	bool introduced;       /* to the key holder that serves: it has a line to it */
	uint64_t introduce_ms; /* not before: a line that never holds shall not keep us busy */
	bool asks;	       /* for the metrics page, see scrape.h */

	bool outsider;	   /* see outsider.h: it has no channel and no page from its exec on */
	bool executed;	   /* which has happened */
	bool group;	   /* signals go to its process group */
	uint64_t ready_by; /* exec_ready, of its generation */
	pid_t sentry;	   /* see sentry.h; 0: none */
};

#endif
