/*
 * metric.h - what the metrics page tells (metrics.def), and how a line of it is written: the text
 * format of Prometheus, version 0.0.4.
 *
 * Pure. Who knows the numbers is init/metrics.h and, of certificates, service/exporter.h.
 */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

enum metric {
#define METRIC(id, name, type, label, meaning) METRIC_##id,
#include "base/metrics.def"
#undef METRIC
	METRICS
};

/* So many bytes one of a label becomes, at the most: "\\xNN". */
#define METRIC_ESCAPED_MAX 5

/* The two lines in front of a family's samples. */
void metric_begin(struct text *text, enum metric metric);
/*
 * A sample; `label` is the value of the family's label, and not looked at where it has none. It may
 * be anything: what is not printable ASCII becomes "\xNN", so that two of them stay two.
 */
void metric_add(struct text *text, enum metric metric, const char *label, uint64_t value);
/* The same in seconds, out of so many microseconds. */
void metric_add_seconds(struct text *text, enum metric metric, const char *label, uint64_t us);

/* A number below 0, too. */
void metric_add_signed(struct text *text, enum metric metric, const char *label, int64_t value);
/*
 * The samples of a histogram: `counts` of each bucket of durations.def and of what is behind them,
 * and their sum.
 */
void metric_add_durations(struct text *text, enum metric metric, const uint64_t *counts,
	uint64_t sum_us);

#endif
