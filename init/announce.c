#include "init/announce.h"

#include "base/clock.h"
#include "base/text.h"
#include "init/converge.h"
#include "init/herald.h"
#include "init/shards.h"
#include "seccomp/filter.h"

/* Once ready, it is so as long as anybody serves. */
static bool is_ready(const struct arbiter *a)
{
	if (a->ready)
		return a->wish.phase == PHASE_SERVE &&
		       roster_count(&a->roster, STATE_SERVING) +
				       roster_count(&a->roster, STATE_SPENT) !=
			       0;
	return a->wish.phase == PHASE_SERVE && converge_is_ready(&a->roster, &a->wish.crew);
}

static void add_url(const struct listener *listener, struct text *text)
{
	const struct address *address = &listener->address;

	if (text->used != 0)
		text_add(text, ",");
	if (address->kind == ADDRESS_INET || address->kind == ADDRESS_INET6)
		text_add(text, listener->tls ? "https://" : "http://");
	text_add(text, address->text);
}

static void tell_log(struct arbiter *a)
{
	char bytes[1024], metrics_bytes[1024];
	struct text addresses = TEXT_OVER(bytes), metrics = TEXT_OVER(metrics_bytes);

	if (!a->ready) {
		log_info(&a->log, "unready", log_string("phase", wish_phase_name(a->wish.phase)));
		return;
	}
	for (size_t i = 0; i < a->current->listeners.count; i++) {
		const struct listener *listener = &a->current->listeners.item[i];

		if (shard_of(listener->asked) == 0)
			add_url(listener, &addresses);
	}
	for (size_t i = 0; i < a->current->metrics.count; i++)
		add_url(&a->current->metrics.item[i], &metrics);
	log_info(&a->log, "ready", log_string("address", bytes),
		log_uint("workers", a->wish.crew.workers),
		log_uint("serving", roster_count(&a->roster, STATE_SERVING)),
		log_uint("generation", a->wish.crew.generation),
		log_uint("ms", a->now_ms - a->born_ms),
		metrics.used != 0 ? log_string("metrics", metrics_bytes)
				  : (struct log_field){.kind = LOG_FIELD_END});
}

/* Each time: who reads the lines around it shall not believe it safe. */
static void warn_of_log_mode(struct arbiter *a)
{
	const struct settings *s = &a->current->config.settings;

	if (s->sandbox != SANDBOX_OFF && s->sandbox_mode == SANDBOX_LOG)
		log_warning(&a->log, "sandbox_log", log_uint("generation", a->current->number),
			log_string("reason", "sandbox_mode = log is no protection: what the "
					     "sandbox refuses is told of, and goes on"));
}

void announce_readiness(struct arbiter *a)
{
	bool before = a->ready;

	a->ready = is_ready(a);
	if (a->ready && a->ready_ms == 0)
		a->ready_ms = a->now_ms;
	if (a->ready != before)
		a->retry_ms = CLOCK_NEVER; /* this is news: at once */
	scribe_turn(a);
	if (a->ready && a->announced != a->wish.crew.generation) {
		a->announced = a->wish.crew.generation;
		warn_of_log_mode(a);
		herald_ready(a);
	}
	if (!a->ready)
		a->announced = 0;
	if (a->ready != before)
		tell_log(a);
}

void announce_listeners(struct arbiter *a)
{
	for (size_t i = 0; i < a->current->listeners.count; i++)
		log_debug(&a->log, "listening",
			log_string("address", a->current->listeners.item[i].address.text));
}
