/*
 * tally.h - what has been counted since narwhal was started, and survives an upgrade in place: for
 * the metrics page (metrics.h). Nothing is decided by it.
 */
#ifndef INIT_TALLY_H
#define INIT_TALLY_H

#include <stdint.h>

enum tally_outcome { TALLY_DONE, TALLY_FAILED, TALLY_OUTCOMES };

struct tally {
	uint64_t starts; /* of workers */
	uint64_t reloads[TALLY_OUTCOMES];
	uint64_t upgrades[TALLY_OUTCOMES];
	uint64_t violations; /* refused system calls, and those that were let pass */
	uint64_t orphans;    /* reaped */
};

#endif
