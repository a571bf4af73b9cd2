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
 * Writes `reason` as one line, cut to TERMINATION_MAX bytes, in place of what the file held.
 * 0, also when there is no such file; -EBADF when it is no regular file, or another -errno.
 */
MUST_USE int termination_write(const char *path, const char *reason);

#endif
