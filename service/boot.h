/*
 * boot.h - from exec to READY: what a worker does once, in the order in which it is safe.
 *
 * Privileges go before the first byte of the app is loaded. Every failure is told to the arbiter
 * as one line and to nobody else: it writes the log.
 */
#ifndef SERVICE_BOOT_H
#define SERVICE_BOOT_H

#include "base/attr.h"
#include "base/exits.h"
#include "service/worker.h"

/* Takes what it has inherited. EXIT_OK, or the status to end with: the arbiter has been told why.
 */
MUST_USE enum exits boot_worker(struct worker *worker, const struct heritage *heritage);

#endif
