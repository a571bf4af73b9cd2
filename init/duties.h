/*
 * duties.h - which capabilities the arbiter keeps when its listeners are open: those of its duties.
 *
 * Decided once, by the settings at the start. What is given up then is gone until narwhal is
 * started anew: execve(2) brings none back, so a reload and a new image have no more either.
 * Init mode gives up nothing: there narwhal is as if it were not there.
 */
#ifndef INIT_DUTIES_H
#define INIT_DUTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"
#include "init/address.h"
#include "init/config.h"

/* Borrowed. */
struct duties_question {
	const struct settings *settings;
	const struct address_list *addresses;
	bool is_root;
	bool has_low_metrics;	 /* metrics_bind names a port below 1024, */
	bool has_metrics_file;	 /* or a unix socket that is a file */
	bool has_file;		 /* a config file */
	bool has_foreign_output; /* standard output or error is a pipe or terminal of another user's
				  */
};

/* As this process asks it. */
struct duties_question duties_question(const struct config *config,
	const struct address_list *addresses);
/* The mask of capabilities (seccomp/capability.h) that some duty wants. */
uint64_t duties_capabilities(const struct duties_question *question);
/* The setting keep_capabilities. 0, or -EINVAL with `why`. */
MUST_USE int duties_read_kept(const struct settings *settings, uint64_t *kept, struct text *why);
/* A line for each duty that wants one of `lacking`. */
void duties_warn(const struct duties_question *question, uint64_t lacking, struct log *log);

#endif
