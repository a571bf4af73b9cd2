/*
 * certificate_watch.h - notices that the files of TLS have changed, and has them taken up: by a
 * reload, as SIGHUP would, once they keep still for a moment and if their bytes are others.
 *
 * What is in them is not its business: workers of the new generation judge that, and if they refuse
 * them, the old generation serves on. The same bytes are not tried twice. While nothing changes, it
 * wakes nobody.
 */
#ifndef INIT_CERTIFICATE_WATCH_H
#define INIT_CERTIFICATE_WATCH_H

#include <stdint.h>

#include "base/attr.h"
#include "base/loop.h"
#include "init/certificates.h"

struct arbiter;

struct certificate_watch {
	struct watch watch; /* inotify's; fd -1: nothing is watched */
	uint64_t due_ms;    /* when the files are compared; CLOCK_NEVER: nothing has changed */
	uint64_t latest_ms; /* not later, though they go on changing */
	struct certificates tried; /* what was last found to be new */
};

void certificate_watch_init(struct certificate_watch *watch);
/* Watches what the settings of the generation that serves name, and compares it once. */
void certificate_watch_use(struct arbiter *arbiter);
void certificate_watch_close(struct arbiter *arbiter);

void certificate_watch_turn(struct arbiter *arbiter);
uint64_t certificate_watch_deadline(const struct arbiter *arbiter) PURE;

#endif
