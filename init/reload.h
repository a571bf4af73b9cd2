/*
 * reload.h - a new generation beside the one that serves: begun by SIGHUP, committed when it is
 * ready, discarded when it cannot become so. The old one serves on untouched until then.
 */
#ifndef INIT_RELOAD_H
#define INIT_RELOAD_H

#include "init/arbiter.h"

/* Whether one can follow the other without a restart: 0, or -EINVAL with `why`. */
MUST_USE int reload_check(const struct generation *before, const struct settings *settings,
	struct text *why);
/* Reads the config again and wishes for the new generation. What is wrong is one line. */
void reload_begin(struct arbiter *arbiter);
/* Promotes the candidate if it is ready by now. */
void reload_settle(struct arbiter *arbiter);
/* The candidate cannot serve, and goes; one line says why. Nothing when there is none. */
void reload_fail(struct arbiter *arbiter, const char *reason);
/* What is loaded next begins with the settings of the generation that serves now. */
void reload_apply(struct arbiter *arbiter);

#endif
