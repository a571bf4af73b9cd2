/*
 * command.h - what narwhal was asked to do: one function for each verb of verbs.def, and to serve.
 */
#ifndef INIT_COMMAND_H
#define INIT_COMMAND_H

#include "base/attr.h"
#include "init/config.h"
#include "init/signals.h"

/* Does it; takes *config. The exit status. */
MUST_USE int command_run(struct config *config, const struct config_input *input,
	const struct signals_found *found);

#endif
