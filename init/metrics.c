#include "init/metrics.h"

#include <ctype.h>

/* The words of tables as those of labels: in small letters. */
static void add_word(struct text *text, enum metric metric, const char *word, uint64_t value)
{
	char bytes[32];
	struct text label = TEXT_OVER(bytes);

	for (; *word != '\0'; word++)
		text_add_char(&label, (char)tolower((unsigned char)*word));
	metric_add(text, metric, bytes, value);
}

static void add_build(const struct metrics *m, struct text *text)
{
	metric_add(text, METRIC_BUILD, m->version, 1);
}

static void add_phase(const struct metrics *m, struct text *text)
{
	for (enum phase phase = 0; phase < PHASES; phase++)
		add_word(text, METRIC_PHASE, wish_phase_name(phase), m->phase == phase);
}

static void add_workers(const struct metrics *m, struct text *text)
{
	for (enum state state = 0; state < STATES; state++) {
		if (state != STATE_VACANT)
			add_word(text, METRIC_WORKERS, roster_state_name(state), m->workers[state]);
	}
}

static void add_exits(const struct metrics *m, struct text *text)
{
	for (enum cause cause = 0; cause < CAUSES; cause++) {
		if (cause != CAUSE_NONE)
			metric_add(text, METRIC_WORKER_EXITS, roster_cause_name(cause),
				m->exits[cause]);
	}
}

static void add_outcomes(struct text *text, enum metric metric, const uint64_t n[TALLY_OUTCOMES])
{
	metric_add(text, metric, "done", n[TALLY_DONE]);
	metric_add(text, metric, "failed", n[TALLY_FAILED]);
}

static void add_reloads(const struct metrics *m, struct text *text)
{
	add_outcomes(text, METRIC_RELOADS, m->tally.reloads);
}

static void add_upgrades(const struct metrics *m, struct text *text)
{
	add_outcomes(text, METRIC_UPGRADES, m->tally.upgrades);
}

static void add_requests(const struct metrics *m, struct text *text)
{
	static const char *const classes[PAGE_STATUSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

	for (size_t i = 0; i < PAGE_STATUSES; i++)
		metric_add(text, METRIC_REQUESTS, classes[i], m->tally.answers[i]);
}

static void add_durations(const struct metrics *m, struct text *text)
{
	metric_add_durations(text, METRIC_DURATIONS, m->tally.durations, m->tally.durations_us);
}

static void add_handshakes(const struct metrics *m, struct text *text)
{
	static const char *const outcomes[PAGE_HANDSHAKES] = {
		[PAGE_HANDSHAKE_FULL] = "full",
		[PAGE_HANDSHAKE_RESUMED] = "resumed",
		[PAGE_HANDSHAKE_FAILED] = "failed",
	};

	for (size_t i = 0; i < PAGE_HANDSHAKES; i++)
		metric_add(text, METRIC_HANDSHAKES, outcomes[i], m->tally.handshakes[i]);
}

static void add_app(const struct metrics *m, struct text *text)
{
	for (uint32_t i = 0; i < m->tally.counters; i++)
		metric_add(text, METRIC_APP, m->tally.counter[i].name, m->tally.counter[i].value);
}

#define NUMBER(member)                                        \
	{                                                     \
		offsetof(struct metrics, member), NULL, false \
	}
#define SECONDS(member)                                      \
	{                                                    \
		offsetof(struct metrics, member), NULL, true \
	}
#define SAMPLES(function)            \
	{                            \
		0, (function), false \
	}

static const struct source {
	size_t offset; /* of a uint64_t; 0: it is the exporter that tells it */
	void (*add)(const struct metrics *metrics, struct text *text); /* or what adds them all */
	bool is_time;
} sources[METRICS] = {
	[METRIC_BUILD] = SAMPLES(add_build),
	[METRIC_START] = SECONDS(start_us),
	[METRIC_UPTIME] = SECONDS(uptime_us),
	[METRIC_READY] = NUMBER(ready),
	[METRIC_GENERATION] = NUMBER(generation),
	[METRIC_PHASE] = SAMPLES(add_phase),
	[METRIC_WORKERS_WISHED] = NUMBER(wished),
	[METRIC_WORKERS] = SAMPLES(add_workers),
	[METRIC_WORKER_STARTS] = NUMBER(tally.starts),
	[METRIC_WORKER_EXITS] = SAMPLES(add_exits),
	[METRIC_RELOADS] = SAMPLES(add_reloads),
	[METRIC_UPGRADES] = SAMPLES(add_upgrades),
	[METRIC_VIOLATIONS] = NUMBER(tally.violations),
	[METRIC_ORPHANS] = NUMBER(tally.orphans),
	[METRIC_LOG_DROPPED] = NUMBER(log_dropped),
	[METRIC_CUT] = NUMBER(cut),
	[METRIC_CONNECTIONS] = NUMBER(connections),
	[METRIC_ACCEPTED] = NUMBER(tally.accepted),
	[METRIC_REQUESTS] = SAMPLES(add_requests),
	[METRIC_DURATIONS] = SAMPLES(add_durations),
	[METRIC_ACCESS_DROPPED] = NUMBER(tally.access_dropped),
	[METRIC_HANDSHAKES] = SAMPLES(add_handshakes),
	[METRIC_KERNEL_TLS] = NUMBER(tally.kernel_tls),
	[METRIC_APP] = SAMPLES(add_app),
	[METRIC_CPU] = SECONDS(cpu_us),
	[METRIC_RESIDENT] = NUMBER(resident),
	[METRIC_VIRTUAL] = NUMBER(virtual),
	[METRIC_OPEN_FDS] = NUMBER(open_fds),
	[METRIC_MAX_FDS] = NUMBER(max_fds),
	[METRIC_PROCESS_START] = SECONDS(start_us),
};

static void write_number(const struct metrics *m, enum metric metric, struct text *text)
{
	const struct source *source = &sources[metric];
	uint64_t value = *(const uint64_t *)(const void *)((const char *)m + source->offset);

	if (value == METRICS_UNKNOWN)
		return;
	metric_begin(text, metric);
	if (source->is_time)
		metric_add_seconds(text, metric, "", value);
	else
		metric_add(text, metric, "", value);
}

void metrics_write(const struct metrics *m, struct text *text)
{
	for (enum metric metric = 0; metric < METRICS; metric++) {
		const struct source *source = &sources[metric];

		if (source->add != NULL) {
			metric_begin(text, metric);
			source->add(m, text);
		} else if (source->offset != 0) {
			write_number(m, metric, text);
		}
	}
}
