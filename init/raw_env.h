/*
 * raw_env.h - variables that workers alone have: the setting raw_env, a LIST of NAME=VALUE.
 */
#ifndef INIT_RAW_ENV_H
#define INIT_RAW_ENV_H

#include "base/attr.h"
#include "base/text.h"

/* 0, or -EINVAL with `why`: which item, and what is allowed. */
MUST_USE int raw_env_check(const char *list, struct text *why);
/* In a child: into its environment. 0 or -errno. */
MUST_USE int raw_env_set(const char *list);

#endif
