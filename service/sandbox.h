/*
 * sandbox.h - the last step of a worker's boot: from here on it makes the system calls that it
 * needs to serve, and no other. seccomp/calls.h says which.
 *
 * Behind everything that asks the kernel for more: privileges are gone, the app is loaded and has
 * started its threads, listeners are in the loop. Before READY: who cannot be locked in serves
 * nobody.
 */
#ifndef SERVICE_SANDBOX_H
#define SERVICE_SANDBOX_H

#include "base/attr.h"
#include "service/worker.h"

/* What the C library does but once is done while its files can be opened: before Landlock. 0. */
MUST_USE int sandbox_warm_up(struct worker *worker, struct text *why);
/* 0, or -errno with `why`. Nothing to do where the setting sandbox is off. */
MUST_USE int sandbox_enter(struct worker *worker, struct text *why);

#endif
