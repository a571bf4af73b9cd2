/*
 * program.h - init mode: `narwhal -- PROGRAM WORDS` with no bind supervises one program, as tini,
 * dumb-init and catatonit do. docs/INIT.md says what is promised.
 *
 * One process, one wait: sigtimedwait(2) on everything. No epoll, no service, no worker.
 */
#ifndef INIT_PROGRAM_H
#define INIT_PROGRAM_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/config.h"
#include "init/signals.h"

/* A program, and nobody gave a bind: PORT does not count, it is the program's own. */
bool program_is_wished(const struct config *config) PURE;
/* What can be known without starting anything: 0, or -EINVAL with `why`. */
MUST_USE int program_check(const struct config *config, struct text *why);
/* From its start to its end; the exit status. */
MUST_USE int program_run(const struct config *config, const struct config_input *input,
	const struct signals_found *found);

#endif
