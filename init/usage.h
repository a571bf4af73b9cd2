/*
 * usage.h - what narwhal prints about itself: --help, --version, --print-config.
 *
 * All of it is made from the tables. Each returns 0, or -errno when it could not all be written.
 */
#ifndef INIT_USAGE_H
#define INIT_USAGE_H

#include <stdio.h>

#include "base/attr.h"
#include "init/config.h"

MUST_USE int usage_help(FILE *out);
MUST_USE int usage_version(FILE *out);
/*
 * A config file: read back, it gives the same settings and the same app. A value that no line of
 * the file can hold is printed as a comment that says so.
 */
MUST_USE int usage_config(const struct config *config, FILE *out);

#endif
