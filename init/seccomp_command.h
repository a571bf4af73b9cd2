/*
 * seccomp_command.h - `narwhal seccomp WORD`: tells of the tables in seccomp/, and changes nothing.
 */
#ifndef INIT_SECCOMP_COMMAND_H
#define INIT_SECCOMP_COMMAND_H

#include <stdio.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/config.h"

/* Does what stands on the command line behind `seccomp`. 0, or -errno with `why`. */
MUST_USE int seccomp_command_run(const struct config_input *input, FILE *out, struct text *why);

#endif
