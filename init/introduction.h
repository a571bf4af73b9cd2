/*
 * introduction.h - gives each worker a line to the key holder of its generation, and another one
 * when there is another key holder.
 *
 * A line that breaks is made again, whoever it was that let go of it: neither load nor want of
 * memory leaves a worker without one for good. Who asks the key holder for what no worker asks gets
 * no other line: he is replaced, see gossip.c.
 *
 * The arbiter makes a pair of sockets, sends an end to each of the two on their channels, and keeps
 * none: what goes over the line, it neither sees nor could read.
 */
#ifndef INIT_INTRODUCTION_H
#define INIT_INTRODUCTION_H

#include "init/arbiter.h"

/* Introduces whoever can be and is not. Who does not take it now is tried again by deadline. */
void introduction_turn(struct arbiter *arbiter);
/* That worker says that its line is gone: it gets another one, but not at any pace. */
void introduction_undo(struct child *worker);
/* Who was in that slot is buried: if it was a key holder, its workers wait for the next one. */
void introduction_forget(struct arbiter *arbiter, unsigned index);

#endif
