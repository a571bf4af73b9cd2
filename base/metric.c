#include "base/metric.h"

static const struct family {
	const char *name, *type, *label, *meaning;
} families[METRICS] = {
#define GAUGE "gauge"
#define COUNTER "counter"
#define METRIC(id, name, type, label, meaning) [METRIC_##id] = {name, type, label, meaning},
#include "base/metrics.def"
#undef METRIC
#undef GAUGE
#undef COUNTER
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
		if (*value == '"' || *value == '\\')
			text_add_char(text, '\\');
		text_add_char(text, *value >= ' ' && *value <= '~' ? *value : '_');
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

void metric_add_seconds(struct text *text, enum metric metric, const char *label, uint64_t us)
{
	begin_sample(text, metric, label);
	text_add_uint(text, us / 1000000);
	text_add_char(text, '.');
	text_add_padded(text, us % 1000000, 6);
	text_add_char(text, '\n');
}
