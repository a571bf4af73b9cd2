/*
 * liveness.h - whether an arbiter still does its work: `narwhal alive`, the probe's side of it.
 *
 * It is not asked for an answer, which it would have to send to somebody that it does not know:
 * it gets SIGCHLD, which means nothing to it when nobody has died, and whoever turns its loop takes
 * that out of its pending signals, where everybody can see it (proc_pid_status(5), ShdPnd).
 */
#ifndef INIT_LIVENESS_H
#define INIT_LIVENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"

/* Whether the text of /proc/PID/status says that signal `number` waits for the process. Pure. */
bool liveness_pending(const char *status, int number) PURE;

/* 0 if the arbiter took the signal within the milliseconds; else -errno with `why`. */
MUST_USE int liveness_check(pid_t pid, unsigned within_ms, struct text *why);

#endif
