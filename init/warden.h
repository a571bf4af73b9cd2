/*
 * warden.h - what becomes of a system call that a worker's filter refuses: it asks the arbiter on
 * the worker's notifier (seccomp/notifier.h), and waits.
 *
 * The call is never made, and the worker dies of it; or, with sandbox_mode = log, it is told of
 * and goes on. The arbiter does not wait for anybody here: while it is busy, or becomes another
 * image, the callers wait.
 */
#ifndef INIT_WARDEN_H
#define INIT_WARDEN_H

#include <stdint.h>

#include "base/attr.h"
#include "init/arbiter.h"

/*
 * Takes what a worker hands over. 0; -EPROTO when it is no notifier or not the first one; or the
 * world's -errno.
 */
MUST_USE int warden_accept(struct child *child, int *fd);
/* Listens on the notifier that the child has, if any. 0 or -errno. */
MUST_USE int warden_watch(struct child *child);
/* Nobody decides any more: a call that waits, or comes yet, fails with ENOSYS. */
void warden_drop(struct child *child);

/* Of a worker that died of SIGSYS, and that nobody was asked about. */
void warden_tell_unknown(struct child *child);

#endif
