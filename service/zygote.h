/*
 * zygote.h - the process that has loaded the app once, for all workers of its generation, and from
 * then on only forks them (the setting preload_app).
 *
 * It is as unprivileged as a worker that loads its app, and has no listener, no access log and no
 * client. It has no system call filter: the kernel's filters only ever tighten, and the worker's
 * own, with its notifier, comes behind the fork. What it forks is the arbiter's child, not its own.
 */
#ifndef SERVICE_ZYGOTE_H
#define SERVICE_ZYGOTE_H

#include "base/attr.h"
#include "service/worker.h"

/*
 * Forks whenever it is told to. Returns true in each worker that it has forked, which then has a
 * channel of its own and is to boot; and false when it is told to leave.
 */
MUST_USE bool zygote_run(struct worker *worker);

#endif
