/*
 * rehearsal.h - the new image's side of a trial: it has thawed a copy of the state, and does in a
 * small way what it will have to do: reads the config, starts a worker, has one request answered.
 *
 * The worker listens on a socket of its own that nobody else knows. Nothing here is in a hurry: who
 * has started it, ends it when its time is up.
 */
#ifndef INIT_REHEARSAL_H
#define INIT_REHEARSAL_H

#include "base/attr.h"
#include "init/arbiter.h"

/* The exit status; what went wrong was reported on thawed->upgrade.report_fd. */
MUST_USE int rehearsal_run(const struct arbiter *thawed, const struct config_input *input);
/*
 * The same with a config that is not served yet, and so without a copy of a state: a worker boots
 * and answers a request, within boot_timeout each, and is ended. 0, or -errno with `why`.
 */
MUST_USE int rehearsal_try(const struct config *config, struct text *why);

#endif
