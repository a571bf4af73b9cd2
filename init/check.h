/*
 * check.h - what can be known of a config without starting anything: its users, addresses and
 * files.
 */
#ifndef INIT_CHECK_H
#define INIT_CHECK_H

#include "base/attr.h"
#include "base/text.h"
#include "init/config.h"

/* Whether this kernel has what `landlock` requires, and what its lists say. 0, or -errno with `why`
 * and the remedy. */
MUST_USE int check_landlock(const struct settings *settings, struct text *why);

/* Of a service. 0, or -errno with `why`. */
MUST_USE int check_config(const struct config *config, struct text *why);

#endif
