/*
 * logfile.h - the files of the settings `errorlog`, as everybody's standard error, and `accesslog`,
 * which workers alone write.
 *
 * The arbiter opens them, since nobody else may: workers are born with them, and get them anew by
 * their channel when they were moved away. Those of the access log it does not keep.
 */
#ifndef INIT_LOGFILE_H
#define INIT_LOGFILE_H

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

/* Descriptor 2 becomes the file, opened to append, made if need be. 0, or -errno with `why`. */
MUST_USE int logfile_open(const char *path, struct text *why);
/*
 * The file of `accesslog`, opened in the same way: a descriptor, -ENOENT if the setting names no
 * file ("-" is the standard output, that everybody has), or another -errno with `why`.
 */
MUST_USE int logfile_open_access(const struct settings *settings, struct text *why);
/* All of them again, and every worker is told; what cannot be opened goes on as it is. */
void logfile_reopen(struct arbiter *arbiter);

#endif
