/*
 * descriptors.h - how many descriptors the arbiter may have open: as many as the hard limit allows.
 *
 * It has three for each worker, and the soft limit that it is started with is often 1024, for the
 * sake of programs that call select(2). Whatever it executes has that one again.
 */
#ifndef INIT_DESCRIPTORS_H
#define INIT_DESCRIPTORS_H

#include <stdbool.h>
#include <sys/resource.h>

/* Zeroed: nothing was raised, and nothing is to be given back. */
struct descriptors {
	bool raised;
	struct rlimit original;
};

void descriptors_raise(struct descriptors *descriptors);
/*
 * For an image that is about to be executed; what is open stays so. Safe in a handler of signals.
 */
void descriptors_give_back(const struct descriptors *descriptors);

#endif
