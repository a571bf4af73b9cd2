/*
 * reap.h - buries the dead: each worker with an obituary that says the true cause, and every
 * orphan of the container, which is never mistaken for a worker.
 */
#ifndef INIT_REAP_H
#define INIT_REAP_H

#include "init/arbiter.h"

/* Everybody who is dead now; and who is stopped by a signal, or goes on, is told to gossip.h. */
void reap_all(struct arbiter *arbiter);

#endif
