/*
 * signals.h - the arbiter's signals: blocked from the first line of main, read in order, each a
 * verb by the table in signals.def; and given back clean to children.
 *
 * A signal to PID 1 whose disposition is the default is discarded by the kernel unless it is
 * blocked (pid_namespaces(7)): so blocking is the first thing that narwhal does.
 */
#ifndef INIT_SIGNALS_H
#define INIT_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/loop.h"

/* What narwhal was started with; in init mode the program gets it again. */
struct signals_found {
	uint64_t mask;	    /* as the kernel has it: bit n - 1 is signal n */
	bool child_ignored; /* SIGCHLD; with that no child could be waited for */
};

/* Blocks every signal; SIGKILL and SIGSTOP do not care, a real SIGSEGV kills all the same. */
void signals_block(struct signals_found *found);
/* In a child before exec: mask and dispositions as they were found. */
void signals_return(const struct signals_found *found);
/* In a child before exec: default dispositions for all, nothing blocked. */
void signals_restore(void);

/* Makes the signalfd and watches it: embedded in a struct arbiter as `signals`. 0 or -errno. */
MUST_USE int signals_open(struct watch *watch, struct loop *loop);

#endif
