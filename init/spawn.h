/*
 * spawn.h - forks a worker into a slot: its channel, its page, its heritage, its clean birth.
 */
#ifndef INIT_SPAWN_H
#define INIT_SPAWN_H

#include "base/attr.h"
#include "init/arbiter.h"

/*
 * A process of its own, or an order to the zygote of its generation. 0, the child being set, and
 * the slot's pid as soon as it is known; or -errno, logged, and nothing left behind.
 */
MUST_USE int spawn_worker(struct arbiter *arbiter, unsigned slot);
/* Gives one that a zygote has forked what is its own, and its go-ahead: 0 or -errno. */
MUST_USE int spawn_endow(struct arbiter *arbiter, unsigned slot);
/* Lets go of what the arbiter held of a worker that is gone, or that is not listened to any more.
 */
void spawn_hang_up(struct child *child);
void spawn_forget(struct child *child);

/* The generation of the worker in a slot. */
const struct generation *spawn_generation(const struct arbiter *arbiter, unsigned slot) PURE;

#endif
