/*
 * backoff.h - how long a slot waits before it boots again. Pure.
 *
 * A worker that dies young (before it was READY for BACKOFF_PROVEN_MS, and not because it was
 * told to) counts as a failure; one that lived longer clears the count. The first failure costs
 * nothing, so that one crash is healed at once; then the delay grows, so that a crash loop boots
 * at most 5 times in 6 seconds and after that once in 10.
 */
#ifndef INIT_BACKOFF_H
#define INIT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define BACKOFF_PROVEN_MS 1000
#define BACKOFF_REFUSED_MS 500

struct backoff {
	unsigned failures; /* in a row */
	uint64_t due_ms;   /* no boot before this time */
};

void backoff_fail(struct backoff *backoff, uint64_t now_ms);
/*
 * Somebody else killed it: that says nothing about the slot and makes no loop of it, so that it is
 * whole soon after they stop; but again and again it waits, too.
 */
void backoff_kill(struct backoff *backoff, uint64_t now_ms);
/* The world refused a process: that is no failure of the slot's, and is tried again soon. */
void backoff_refuse(struct backoff *backoff, uint64_t now_ms);
void backoff_clear(struct backoff *backoff);
/* So many failures in a row that the delay grows no more. */
PURE bool backoff_is_loop(const struct backoff *backoff);

#endif
