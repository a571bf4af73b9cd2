/*
 * timers.h - what is due when, of an app's own: any number, any time. Pure: the caller brings it.
 *
 * A binary heap. (Connections wait in deadlines.h, where all of a kind wait equally long.)
 */
#ifndef SERVICE_TIMERS_H
#define SERVICE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct timer {
	uint64_t at_ms;
	size_t place; /* in the heap, counted from 1; 0: not set */
};

struct timers {
	struct timer **heap;
	size_t used;
	size_t size;	 /* of the heap's memory */
	size_t promised; /* timers that may be set at the same time */
};

void timers_free(struct timers *timers);
/* Room for one timer more, so that to set it cannot fail. 0 or -ENOMEM. */
MUST_USE int timers_promise(struct timers *timers);
/* The timer's room goes; it is not set any more. */
void timers_forget(struct timers *timers, struct timer *timer);
/* Due at that time, and at no other. */
void timer_set(struct timers *timers, struct timer *timer, uint64_t at_ms);
void timer_stop(struct timers *timers, struct timer *timer);
/* CLOCK_NEVER when none is set. */
PURE uint64_t timers_nearest(const struct timers *timers);
/* One that is due, and is not set any more; or NULL. */
struct timer *timers_take_due(struct timers *timers, uint64_t now_ms);

#endif
