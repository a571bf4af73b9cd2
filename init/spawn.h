/*
 * spawn.h - forks a worker into a slot: its channel, its page, its heritage, its clean birth.
 */
#ifndef INIT_SPAWN_H
#define INIT_SPAWN_H

#include "base/attr.h"
#include "init/arbiter.h"

/* 0, the slot's pid and its child being set; or -errno, logged, and nothing left behind. */
MUST_USE int spawn_worker(struct arbiter *arbiter, unsigned slot);
/* Lets go of what the arbiter held of a worker that is gone, or that is not listened to any more.
 */
void spawn_hang_up(struct child *child);
void spawn_forget(struct child *child);

/* The generation of the worker in a slot. */
const struct generation *spawn_generation(const struct arbiter *arbiter, unsigned slot) PURE;

#endif
