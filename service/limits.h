/*
 * limits.h - what a worker may have of the kernel's resources: the settings limit_*, and who of
 * PID 1 and its workers is killed first when memory runs out.
 *
 * A limit that is asked for and cannot be had refuses the worker; that is so for both, soft and
 * hard, so that the app cannot change its mind.
 */
#ifndef SERVICE_LIMITS_H
#define SERVICE_LIMITS_H

#include "base/attr.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/text.h"
#include "seccomp/readback.h"

/* 0, or -errno with `why`; what was set is wanted from then on. As root, if root is to be had. */
MUST_USE int limits_apply(const struct settings *settings, struct readback *wanted,
	struct text *why);
/*
 * The kernel's out-of-memory killer shall prefer us to who started us. That it cannot be, as
 * without /proc, is a line in the log: nothing but the order of deaths is lost.
 */
void limits_offer(const struct settings *settings, struct log *log);
/*
 * Once the ids have changed: who writes no core is not dumpable either, so that no other process
 * of its user can trace it or read its memory.
 */
MUST_USE int limits_hide(const struct settings *settings, struct readback *wanted);

#endif
