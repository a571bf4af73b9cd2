/*
 * logfile.h - the file of the setting `errorlog`, as everybody's standard error.
 *
 * The arbiter opens it, since nobody else may: workers are born with it, and get it anew by their
 * channel when it was moved away.
 */
#ifndef INIT_LOGFILE_H
#define INIT_LOGFILE_H

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

/* Descriptor 2 becomes the file, opened to append, made if need be. 0, or -errno with `why`. */
MUST_USE int logfile_open(const char *path, struct text *why);
/* The same again, and every worker is told; on failure everybody goes on with the old one. */
void logfile_reopen(struct arbiter *arbiter);

#endif
