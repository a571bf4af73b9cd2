/*
 * gossip.h - what workers say on their channels, and what their pages tell.
 *
 * Nothing of it is trusted: who speaks is known by the descriptor; nonsense, a flood or a closed
 * channel cost the worker its life.
 */
#ifndef INIT_GOSSIP_H
#define INIT_GOSSIP_H

#include <stdint.h>

#include "base/attr.h"
#include "init/arbiter.h"

/* The `ready` of a child's watch. */
void gossip_read(struct watch *watch, uint32_t events);
/* Listens to it no longer: -EPIPE, it has hung up; else it sent nonsense, which is its death. */
void gossip_distrust(struct child *child, int error);
/* The kernel says that a signal has stopped it, or that it goes on: one that idles is no
 * exception. */
void gossip_stopped(struct child *child, bool stopped);
/* Looks at the heartbeats whose time has come; one that stands still for `timeout` is OVERDUE. */
void gossip_look(struct arbiter *arbiter);
/* When the next look is due; CLOCK_NEVER while every worker idles. */
PURE uint64_t gossip_deadline(const struct arbiter *arbiter);

#endif
