#include "init/announce.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "init/converge.h"
#include "init/herald.h"
#include "init/readiness.h"

#define RETRY_MS 1000

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

static int tell_file(const struct arbiter *a, bool ready, struct text *why)
{
	const char *path = a->current->hooks->ready_file;
	struct readiness readiness = {
		.pid = getpid(),
		.generation = a->wish.crew.generation,
		.wall_ms = clock_wall_ms(),
	};

	if (path == NULL)
		return 0;
	return ready ? readiness_set(path, &readiness, why) : readiness_clear(path, why);
}

static void add_url(const struct address *address, struct text *text)
{
	if (text->used != 0)
		text_add(text, ",");
	if (address->kind == ADDRESS_INET || address->kind == ADDRESS_INET6)
		text_add(text, "http://");
	text_add(text, address->text);
}

static void tell_log(struct arbiter *a)
{
	char bytes[1024];
	struct text addresses = TEXT_OVER(bytes);

	if (!a->ready) {
		log_info(&a->log, "unready", log_string("phase", wish_phase_name(a->wish.phase)));
		return;
	}
	for (size_t i = 0; i < a->current->listeners.count; i++)
		add_url(&a->current->listeners.item[i].address, &addresses);
	log_info(&a->log, "ready", log_string("address", bytes),
		log_uint("workers", a->wish.crew.workers),
		log_uint("serving", roster_count(&a->roster, STATE_SERVING)),
		log_uint("generation", a->wish.crew.generation),
		log_uint("ms", a->now_ms - a->born_ms));
}

/*
 * The disk may refuse: then the service is what it is all the same, and the file is tried again
 * until it says so.
 */
static void keep_file(struct arbiter *a)
{
	uint64_t generation = a->ready ? a->wish.crew.generation : 0;
	bool again = a->retry_ms != CLOCK_NEVER;
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	if (generation == a->told)
		a->retry_ms = CLOCK_NEVER;
	if (generation == a->told || (again && a->now_ms < a->retry_ms))
		return;
	if (tell_file(a, a->ready, &why) != 0) {
		log_at(&a->log, again ? LOG_DEBUG : LOG_ERROR, "when_ready_failed",
			log_string("reason", bytes));
		a->retry_ms = a->now_ms + RETRY_MS;
		return;
	}
	a->retry_ms = CLOCK_NEVER;
	a->told = generation;
}

void announce_readiness(struct arbiter *a)
{
	bool before = a->ready;

	a->ready = is_ready(a);
	if (a->ready && a->ready_ms == 0)
		a->ready_ms = a->now_ms;
	if (a->ready != before)
		a->retry_ms = CLOCK_NEVER; /* this is news: at once */
	keep_file(a);
	if (a->ready && a->announced != a->wish.crew.generation) {
		a->announced = a->wish.crew.generation;
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
