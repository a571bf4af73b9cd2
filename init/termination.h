/*
 * termination.h - the last cause of the container, where Kubernetes looks for it:
 * /dev/termination-log, or the file of the setting `termination_log`.
 *
 * The file is never made: it is written only where somebody has put one. It is written once, at an
 * end that is none in order, and never waits.
 */
#ifndef INIT_TERMINATION_H
#define INIT_TERMINATION_H

#include "base/attr.h"

#define TERMINATION_MAX 4096 /* Kubernetes reads no more of it */

/*
 * The descriptor, for the caller to close; -ENOENT when nobody has put a file there; -EBADF when it
 * is no regular file, or another -errno. Held from the start on, it needs no path at the end.
 */
MUST_USE int termination_open(const char *path);

/*
 * Writes `reason` as one line, cut to TERMINATION_MAX bytes, in place of what the file held.
 * 0, also when `fd` is -1; or -errno.
 */
MUST_USE int termination_write(int fd, const char *reason);

/* Both at once, for an end before the start: what fails can be told to nobody. */
void termination_leave(const char *path, const char *reason);

#endif
