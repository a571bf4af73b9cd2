/*
 * command.h - what narwhal was asked to do: one function for each verb of verbs.def, and to serve.
 */
#ifndef INIT_COMMAND_H
#define INIT_COMMAND_H

#include "base/attr.h"
#include "init/config.h"

/* Does it; the exit status. */
MUST_USE int command_run(const struct config *config);

#endif
