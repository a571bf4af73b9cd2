/*
 * tally.h - what has been counted since narwhal was started, and survives an upgrade in place: for
 * the metrics page (metrics.h). Nothing is decided by it. Pure.
 *
 * What workers count stands in their pages (base/page.h): a page is added when its worker is
 * buried, and to a copy as long as it lives. So a sum never becomes less.
 */
#ifndef INIT_TALLY_H
#define INIT_TALLY_H

#include <stdint.h>

#include "base/page.h"

#define TALLY_APP_COUNTERS 64 /* names of the app's, of all generations; others are lost */

enum tally_outcome { TALLY_DONE, TALLY_FAILED, TALLY_OUTCOMES };

/* The app's, by name. */
struct tally_counter {
	char name[PAGE_COUNTER_NAME];
	uint64_t value;
};

struct tally {
	uint64_t starts; /* of workers */
	uint64_t reloads[TALLY_OUTCOMES];
	uint64_t upgrades[TALLY_OUTCOMES];
	uint64_t violations; /* refused system calls, and those that were let pass */
	uint64_t orphans;    /* reaped */

	/* Out of pages. */
	uint64_t accepted;
	uint64_t answers[PAGE_STATUSES];
	uint64_t durations[PAGE_DURATIONS];
	uint64_t durations_us;
	uint64_t access_dropped;
	uint64_t handshakes[PAGE_HANDSHAKES];
	uint64_t kernel_tls;
	uint32_t counters; /* of the app's, so many */
	struct tally_counter counter[TALLY_APP_COUNTERS];
};

void tally_add_page(struct tally *tally, const struct page *page);

#endif
