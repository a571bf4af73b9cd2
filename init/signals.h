/*
 * signals.h - the arbiter's signals: blocked from the first line of main, read in order, each a
 * verb by the table in signals.def; and given back clean to children.
 *
 * A signal to PID 1 whose disposition is the default is discarded by the kernel unless it is
 * blocked (pid_namespaces(7)): so blocking is the first thing that narwhal does.
 */
#ifndef INIT_SIGNALS_H
#define INIT_SIGNALS_H

#include "base/attr.h"
#include "base/loop.h"

/* Blocks every signal; SIGKILL and SIGSTOP do not care, a real SIGSEGV kills all the same. */
void signals_block(void);
/* In a child before exec: default dispositions for all, nothing blocked. */
void signals_restore(void);

/* Makes the signalfd and watches it: embedded in a struct arbiter as `signals`. 0 or -errno. */
MUST_USE int signals_open(struct watch *watch, struct loop *loop);

#endif
