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

/* What a process becomes: each takes its own of the table's steps, in the table's order. */
enum boot_kind {
	BOOT_ALONE,    /* a worker that was exec'd, and does all by itself */
	BOOT_ZYGOTE,   /* loads the app for others, see zygote.h */
	BOOT_FORKED,   /* a worker that a zygote has forked */
	BOOT_PROGRAM,  /* becomes a program in another language, see program.h */
	BOOT_EXPORTER, /* serves the metrics page, see exporter.h */
};

/* An empty world for who has that heritage, which it takes. */
void boot_begin(struct worker *worker, const struct heritage *heritage);
/* EXIT_OK, or the status to end with: the arbiter has been told why. */
MUST_USE enum exits boot_run(struct worker *worker, enum boot_kind kind);

#endif
