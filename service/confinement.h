/*
 * confinement.h - what of the file system and of other processes is left to a worker when its app
 * is loaded: Landlock, as the settings want it (docs/SANDBOX.md). Decides what is allowed; the
 * rules are seccomp/landlock.h's.
 */
#ifndef SERVICE_CONFINEMENT_H
#define SERVICE_CONFINEMENT_H

#include "base/attr.h"
#include "base/text.h"
#include "service/worker.h"

/*
 * 0, also where this kernel has no Landlock and none is required; or -errno, for what the settings
 * are to blame for with `why`.
 */
MUST_USE int confinement_enter(struct worker *worker, struct text *why);

#endif
