/*
 * metrics.h - the metrics page, out of numbers that are there: each row of base/metrics.def that is
 * the arbiter's to tell. Pure; who looks is metrics_look.h.
 *
 * Times are in microseconds. Numbers and names out of workers' pages may be any at all.
 */
#ifndef INIT_METRICS_H
#define INIT_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/metric.h"
#include "base/text.h"
#include "init/roster.h"
#include "init/tally.h"
#include "init/wish.h"

#define METRICS_UNKNOWN UINT64_MAX /* of a number: its family is left out */

struct metrics {
	const char *version;
	uint64_t start_us, uptime_us; /* since 1970; since then */
	uint64_t ready;
	uint64_t generation;
	enum phase phase;
	uint64_t wished;
	uint64_t workers[STATES];
	uint64_t exits[CAUSES];
	struct tally tally;
	uint64_t connections;
	uint64_t log_dropped;
	uint64_t cut;
	uint64_t cpu_us, resident, virtual, open_fds, max_fds;
};

/* A text that is too small is `cut`. */
void metrics_write(const struct metrics *metrics, struct text *text);

#endif
