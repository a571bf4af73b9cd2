/*
 * trial.h - a new image is tried by a child before it is trusted: it gets a copy of the state, and
 * has to read the config, start a worker and have a request answered; see rehearsal.h for its side.
 *
 * It has none of the arbiter's descriptors but where narwhal was started, and a line to report on.
 * What it reports and prints is gossip, for the log; only its end and its last word count.
 */
#ifndef INIT_TRIAL_H
#define INIT_TRIAL_H

#include <signal.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

#define TRIAL_WORD_MAX 512
#define TRIAL_PASSED "passed "

/* Starts it on upgrade.other. 0, or -errno with `why`. */
MUST_USE int trial_begin(struct arbiter *arbiter, struct text *why);
/* True if the dead one was the trial: then the upgrade has been stepped. */
bool trial_reap(struct arbiter *arbiter, const siginfo_t *info);
/* True: its last word was that all went well. Else `reason` says what went wrong, and how far it
 * got. */
bool trial_judge(struct arbiter *arbiter, const char *end, struct text *reason);
/* Ends it, and what it has started, if it still runs; it can be judged still. */
void trial_kill(const struct arbiter *arbiter);
/* Ends it in the same way, and lets its lines go. */
void trial_end(struct arbiter *arbiter);

#endif
