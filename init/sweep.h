/*
 * sweep.h - the other processes at the end of the service: everybody, when we are PID 1; else
 * those that were orphaned to us.
 */
#ifndef INIT_SWEEP_H
#define INIT_SWEEP_H

#include <stdbool.h>

#include "base/attr.h"

/* Sends the signal to all of them. */
void sweep_signal(int number);
/* Nobody is left. */
bool sweep_is_done(void);

#endif
