#include "base/metric.h"

static const struct family {
	const char *name, *type, *label, *meaning;
} families[METRICS] = {
#define GAUGE "gauge"
#define COUNTER "counter"
#define HISTOGRAM "histogram"
#define METRIC(id, name, type, label, meaning) [METRIC_##id] = {name, type, label, meaning},
#include "base/metrics.def"
#undef METRIC
#undef GAUGE
#undef COUNTER
#undef HISTOGRAM
};

void metric_begin(struct text *text, enum metric metric)
{
	const struct family *family = &families[metric];

	text_printf(text, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->meaning,
		family->name, family->type);
}

static void add_label(struct text *text, const char *name, const char *value)
{
	text_printf(text, "{%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value < ' ' || *value > '~') {
			text_printf(text, "\\\\x%02x", (unsigned char)*value);
			continue;
		}
		if (*value == '"' || *value == '\\')
			text_add_char(text, '\\');
		text_add_char(text, *value);
	}
	text_add(text, "\"}");
}

static void begin_sample(struct text *text, enum metric metric, const char *label)
{
	const struct family *family = &families[metric];

	text_add(text, family->name);
	if (family->label[0] != '\0')
		add_label(text, family->label, label);
	text_add_char(text, ' ');
}

void metric_add(struct text *text, enum metric metric, const char *label, uint64_t value)
{
	begin_sample(text, metric, label);
	text_add_uint(text, value);
	text_add_char(text, '\n');
}

static void add_seconds(struct text *text, uint64_t us)
{
	text_add_uint(text, us / 1000000);
	text_add_char(text, '.');
	text_add_padded(text, us % 1000000, 6);
	text_add_char(text, '\n');
}

void metric_add_seconds(struct text *text, enum metric metric, const char *label, uint64_t us)
{
	begin_sample(text, metric, label);
	add_seconds(text, us);
}

void metric_add_signed(struct text *text, enum metric metric, const char *label, int64_t value)
{
	begin_sample(text, metric, label);
	text_add_int(text, value);
	text_add_char(text, '\n');
}

void metric_add_durations(struct text *text, enum metric metric, const uint64_t *counts,
	uint64_t sum_us)
{
	static const char *const bounds[] = {
#define DURATION(us, seconds) seconds,
#include "base/durations.def"
#undef DURATION
		"+Inf",
	};
	const struct family *family = &families[metric];
	uint64_t count = 0;

	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		count += counts[i];
		text_printf(text, "%s_bucket", family->name);
		add_label(text, family->label, bounds[i]);
		text_printf(text, " %llu\n", (unsigned long long)count);
	}
	text_printf(text, "%s_sum ", family->name);
	add_seconds(text, sum_us);
	text_printf(text, "%s_count %llu\n", family->name, (unsigned long long)count);
}
