/*
 * forked.h - the first moments of a worker that a zygote has forked: it says HELLO, does nothing
 * before the arbiter knows it, and gets what is its own: page, listeners, logs, its slot.
 */
#ifndef SERVICE_FORKED_H
#define SERVICE_FORKED_H

#include "base/attr.h"
#include "base/text.h"
#include "service/worker.h"

/* A step of boot.h: waits for GO. 0, or -errno with `why`; -EPIPE: it is wished for no more. */
MUST_USE int forked_await(struct worker *worker, struct text *why);

#endif
