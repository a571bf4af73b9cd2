#include "init/herald.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "init/arbiter.h"

#define FACTS_MAX 12
#define EXIT_LEAST_MS 1000 /* for on_exit, when the workers have used all of graceful_timeout */

/* What every hook is told, before the facts of its own. */
static void fire(struct arbiter *a, enum hook hook, const struct log_field *own)
{
	struct log_field facts[FACTS_MAX] = {
		log_int("pid", getpid()),
		log_uint("generation", a->wish.crew.generation),
		log_uint("workers", a->wish.crew.workers),
	};
	size_t n = 3;

	for (; own->kind != LOG_FIELD_END; own++) {
		MUST(n < FACTS_MAX - 1);
		facts[n++] = *own;
	}
	facts[n] = (struct log_field){.kind = LOG_FIELD_END};
	hooks_fire(&a->herald.hooks, hook, facts, a->now_ms);
}

/* With at least one fact of its own. */
#define fire_with(a, hook, ...) \
	fire(a, hook, (const struct log_field[]){__VA_ARGS__, {.kind = LOG_FIELD_END}})

int herald_prepare(struct arbiter *a, struct text *why)
{
	a->herald = (struct herald){.exit_ms = CLOCK_NEVER, .notify = {.fd = -1}};
	return hooks_open(&a->herald.hooks, &a->log, &a->descriptors, why);
}

int herald_open(struct arbiter *a, struct text *why)
{
	struct notify_question question = notify_question();
	char bytes[256];
	struct text reason = TEXT_OVER(bytes);

	(void)why;
	if (notify_open(&a->herald.notify, &question, getpid(), a->now_ms, &reason) != 0)
		log_warning(&a->log, "notify_refused", log_string("reason", bytes));
	return 0;
}

void herald_close(struct arbiter *a)
{
	hooks_close(&a->herald.hooks);
	notify_close(&a->herald.notify);
}

void herald_reloading(struct arbiter *a)
{
	a->herald.reloading = true;
	a->herald.said[0] = '\0';
	notify_tell_reloading(&a->herald.notify, "STATUS=reloading", a->now_ms);
}

void herald_ready(struct arbiter *a)
{
	fire_with(a, HOOK_WHEN_READY, log_uint("serving", roster_count(&a->roster, STATE_SERVING)));
}

void herald_pre_exec(struct arbiter *a)
{
	fire(a, HOOK_PRE_EXEC, &(const struct log_field){.kind = LOG_FIELD_END});
}

/* Of the worker's generation, which need not be the one that serves. */
static void fire_of_worker(struct arbiter *a, enum hook hook, unsigned slot, pid_t pid)
{
	fire_with(a, hook, log_uint("slot", slot),
		log_uint("worker_generation", a->roster.slots[slot].generation),
		pid != 0 ? log_int("worker_pid", pid) : log_string("worker_pid", NULL));
}

void herald_forking(struct arbiter *a, unsigned slot)
{
	fire_of_worker(a, HOOK_PRE_FORK, slot, 0);
}

void herald_forked(struct arbiter *a, unsigned slot)
{
	fire_of_worker(a, HOOK_POST_FORK, slot, a->roster.slots[slot].pid);
}

void herald_buried(struct arbiter *a, unsigned index, const char *cause, int status,
	const char *signal_name)
{
	const struct slot *slot = &a->roster.slots[index];

	fire_with(a, HOOK_CHILD_EXIT, log_uint("slot", index),
		log_uint("worker_generation", slot->generation), log_int("worker_pid", slot->pid),
		log_string("cause", cause), log_string("signal", signal_name),
		signal_name == NULL ? log_int("status", status) : log_string("status", NULL),
		log_uint("uptime_ms", a->now_ms - slot->born_ms));
}

static void look_at_workers(struct arbiter *a)
{
	unsigned before = a->herald.workers;

	if (before == a->wish.crew.workers)
		return;
	a->herald.workers = a->wish.crew.workers;
	if (before != 0)
		fire_with(a, HOOK_NWORKERS_CHANGED, log_uint("old_workers", before));
}

static void look_at_candidate(struct arbiter *a)
{
	uint64_t generation = a->wish.candidate.generation;

	if (generation <= a->herald.generation)
		return;
	a->herald.generation = generation;
	fire_with(a, HOOK_ON_RELOAD, log_uint("new_generation", generation));
}

static void look_at_end(struct arbiter *a)
{
	if (a->herald.ending || !wish_is_ending(&a->wish))
		return;
	a->herald.ending = true;
	a->herald.end_ms = a->now_ms + a->roster.limits.graceful_timeout;
	if (a->wish.phase == PHASE_LINGER)
		a->herald.end_ms += a->wish.limits.drain_delay;
	if (a->herald.started)
		fire_with(a, HOOK_ON_DRAIN, log_string("phase", wish_phase_name(a->wish.phase)));
}

/*
 * Each time all that is so: what the manager has not taken is replaced by what is told later.
 * READY=1 again changes nothing, and READY=1 ends a reload, well or not.
 */
static void write_state(const struct arbiter *a, struct text *text)
{
	unsigned serving = roster_count(&a->roster, STATE_SERVING);

	if (a->herald.ending)
		text_add(text, "STOPPING=1\n");
	else if (a->herald.ready)
		text_add(text, "READY=1\n");
	text_printf(text, "STATUS=%s%u of %u workers serve, generation %llu",
		a->herald.ending  ? "stopping: "
		: a->herald.ready ? ""
				  : "starting: ",
		serving, a->wish.crew.workers, (unsigned long long)a->wish.crew.generation);
}

static void tell_manager(struct arbiter *a)
{
	char bytes[NOTIFY_STATE_MAX];
	struct text text = TEXT_OVER(bytes);

	if (!notify_wanted(&a->herald.notify))
		return;
	a->herald.ready = a->herald.ready || a->ready;
	if (a->herald.reloading && a->wish.candidate.generation != 0)
		return;
	a->herald.reloading = false;
	write_state(a, &text);
	if (strcmp(bytes, a->herald.said) == 0)
		return;
	memcpy(a->herald.said, bytes, text.used + 1);
	notify_tell(&a->herald.notify, bytes, a->now_ms);
}

void herald_turn(struct arbiter *a)
{
	look_at_workers(a);
	look_at_candidate(a);
	look_at_end(a);
	tell_manager(a);
	hooks_turn(&a->herald.hooks, a->now_ms);
	notify_turn(&a->herald.notify, a->now_ms);
}

uint64_t herald_deadline(const struct arbiter *a)
{
	uint64_t nearest = hooks_deadline(&a->herald.hooks);
	uint64_t manager = notify_deadline(&a->herald.notify);

	nearest = manager < nearest ? manager : nearest;
	/* Once it is past, only the sweep is left to be waited for. */
	return a->herald.exit_ms > a->now_ms && a->herald.exit_ms < nearest ? a->herald.exit_ms
									    : nearest;
}

bool herald_has_started(struct arbiter *a)
{
	struct herald *h = &a->herald;

	if (h->started)
		return true;
	if (!h->asked) {
		h->asked = true;
		fire(a, HOOK_ON_STARTING, &(const struct log_field){.kind = LOG_FIELD_END});
	}
	if (hooks_count(&h->hooks, HOOK_ON_STARTING) > 0)
		return false;
	h->started = h->hooks.failures[HOOK_ON_STARTING] == 0;
	if (!h->started)
		arbiter_give_up(a, a->wish.crew.generation, EXIT_USAGE, "on_starting failed");
	return h->started;
}

/* Who kills the container counts from the stop: what is left of that is the hooks'. */
static uint64_t exit_deadline(const struct arbiter *a)
{
	uint64_t least = a->now_ms + EXIT_LEAST_MS;
	uint64_t latest = a->herald.end_ms > least ? a->herald.end_ms : least;
	uint64_t own = a->now_ms + a->current->config.settings.hook_timeout;

	return own < latest ? own : latest;
}

bool herald_has_ended(struct arbiter *a)
{
	struct herald *h = &a->herald;

	if (a->wish.phase != PHASE_DRAIN && a->wish.phase != PHASE_QUICK)
		return false;
	if (!h->exiting) {
		h->exiting = true;
		h->exit_ms = exit_deadline(a);
		if (h->started)
			fire_with(a, HOOK_ON_EXIT, log_int("exit_status", a->wish.exit_status));
		else
			hooks_end(&h->hooks, a->now_ms);
	}
	if (h->started && a->now_ms < h->exit_ms && hooks_count(&h->hooks, HOOKS) > 0)
		return false;
	hooks_end(&h->hooks, a->now_ms);
	return true;
}
