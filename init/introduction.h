/*
 * introduction.h - gives each worker a line to the key holder of its generation, and another one
 * when there is another key holder.
 *
 * The arbiter makes a pair of sockets, sends an end to each of the two on their channels, and keeps
 * none: what goes over the line, it neither sees nor could read.
 */
#ifndef INIT_INTRODUCTION_H
#define INIT_INTRODUCTION_H

#include "init/arbiter.h"

/* Introduces whoever can be and is not. Who does not take it now is tried again by deadline. */
void introduction_turn(struct arbiter *arbiter);
/* Who was in that slot is buried: if it was a key holder, its workers wait for the next one. */
void introduction_forget(struct arbiter *arbiter, unsigned index);

#endif
