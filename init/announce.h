/*
 * announce.h - tells the world whether the service is ready: the file of `when_ready`, a log line.
 */
#ifndef INIT_ANNOUNCE_H
#define INIT_ANNOUNCE_H

#include "init/arbiter.h"

/*
 * Ready: min_ready workers have said READY. No longer ready: none is left, or the service drains.
 * Does nothing when all is told; what could not be written is tried again by deadline.
 */
void announce_readiness(struct arbiter *arbiter);

/* One line for each address. */
void announce_listeners(struct arbiter *arbiter);

#endif
