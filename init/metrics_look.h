/*
 * metrics_look.h - gathers the numbers of metrics.h: from the arbiter, and from the kernel what
 * that tells of this process.
 */
#ifndef INIT_METRICS_LOOK_H
#define INIT_METRICS_LOOK_H

#include "init/arbiter.h"
#include "init/metrics.h"

/* What the kernel does not tell is METRICS_UNKNOWN. */
void metrics_look(const struct arbiter *arbiter, struct metrics *metrics);

#endif
