#include "init/reload.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "init/capacity.h"
#include "init/duties.h"
#include "init/converge.h"
#include "init/herald.h"
#include "seccomp/capability.h"

/* For SIGABRT, SIGQUIT and SIGKILL to do their work, and for hooks to be ended. */
#define SPARE_MS 4000

/* Held since the start: for another value of these the arbiter itself must start anew. */
static const enum setting_id fixed[] = {
	SETTING_ID_pidfile,
	SETTING_ID_when_ready,
	SETTING_ID_chdir,
	SETTING_ID_umask,
	SETTING_ID_worker_image,
	SETTING_ID_errorlog,
	SETTING_ID_keep_capabilities,
};

static bool is_same(const struct setting *row, const struct settings *a, const struct settings *b,
	struct text *why)
{
	char before_bytes[1024], after_bytes[1024];
	struct text before = TEXT_OVER(before_bytes), after = TEXT_OVER(after_bytes);

	setting_write(row, a, &before);
	setting_write(row, b, &after);
	if (strcmp(before_bytes, after_bytes) == 0)
		return true;
	text_printf(why, "%s: \"%s\" cannot become \"%s\" by a reload: restart for that", row->name,
		before_bytes, after_bytes);
	return false;
}

int reload_check(const struct generation *before, const struct settings *settings, struct text *why)
{
	for (size_t i = 0; i < COUNT_OF(fixed); i++) {
		bool is_free = before->foreign && fixed[i] == SETTING_ID_worker_image;

		if (!is_free && !is_same(&settings_table[fixed[i]], &before->config.settings,
					settings, why))
			return -EINVAL;
	}
	return 0;
}

/* What the settings at the start did not need is gone. Often it is not needed all the same. */
static void warn_of_capabilities(struct arbiter *a, const struct config *config)
{
	const struct config *old = &a->current->config;
	struct address_list old_addresses, addresses;
	struct duties_question before, after;
	uint64_t bounds = capability_bounds();
	char bytes[1024];
	struct text why = TEXT_OVER(bytes);

	/* Who wrote an address that is none is told so by the reload. */
	if (generation_addresses(old, &old_addresses, &why) != 0 ||
		generation_addresses(config, &addresses, &why) != 0)
		return;
	before = duties_question(old, &old_addresses);
	after = duties_question(config, &addresses);
	duties_warn(&after, duties_capabilities(&after) & ~duties_capabilities(&before) & ~bounds,
		&a->log);
}

/* The config as it is now, made into a generation. */
static int make_candidate(struct arbiter *a, struct text *why)
{
	const struct legacy legacy = {a->current, &a->shelf, &a->inherited};
	struct config config;
	int error = config_read(&config, a->input, why);

	if (error != 0)
		return error;
	error = reload_check(a->current, &config.settings, why);
	if (error != 0) {
		config_free(&config);
		return error;
	}
	warn_of_capabilities(a, &config);
	generation_warn(&config.settings, &a->log);
	config.settings.workers =
		capacity_workers(config.settings.workers, ARBITER_WORKERS_MAX, &a->log);
	error = generation_open(a->candidate, ++a->generations, &config, &legacy, why);
	/* If it comes to nothing, reload_apply() takes them back. */
	if (error == 0)
		tickets_open(&a->tickets, &a->candidate->config.settings, a->now_ms, &a->log);
	return error;
}

/* TTIN and TTOU outlive a reload, unless the config now says another number. */
static struct crew candidate_crew(const struct arbiter *a)
{
	struct crew crew = generation_crew(a->candidate);

	if (crew.workers == a->current->config.settings.workers) {
		crew.workers = a->wish.crew.workers;
		if (crew.surge > crew.workers || a->candidate->config.settings.reload_surge == 0)
			crew.surge = crew.workers;
	}
	return crew;
}

void reload_apply(struct arbiter *a)
{
	const struct settings *s = &a->current->config.settings;

	a->log.level = (enum log_level)s->loglevel;
	a->log.json = s->log_format == 1;
	a->roster.limits.boot_timeout = s->boot_timeout;
	a->roster.limits.graceful_timeout = s->graceful_timeout;
	a->wish.limits.drain_delay = s->drain_delay;
	a->wish.limits.drain = s->graceful_timeout + s->boot_timeout + s->hook_timeout + SPARE_MS;
	a->wish.limits.quick = s->hook_timeout + SPARE_MS;
	tickets_use(&a->tickets, s);
	certificate_watch_use(a);
	hooks_use(&a->herald.hooks, a->current->hooks);
	sources_use(a);
}

/* What `from` has and `kept` has not: those of these generations hold it as long as they live. */
static void give_up(struct arbiter *a, struct generation *from, const struct generation *kept,
	uint64_t first, uint64_t last)
{
	shelf_put(&a->shelf, &from->listeners, &kept->listeners, first, last);
	shelf_put(&a->shelf, &from->metrics, &kept->metrics, first, last);
}

static void commit(struct arbiter *a)
{
	struct generation *old = a->current;

	listener_set_succeed(&a->candidate->listeners, &old->listeners);
	listener_set_succeed(&a->candidate->metrics, &old->metrics);
	/* Workers of candidates that came to nothing in between may share them, too. */
	give_up(a, old, a->candidate, 0, a->candidate->number - 1);
	a->current = a->candidate;
	a->candidate = old;
	generation_close(old);
	wish_promote(&a->wish);
	a->promoted_ms = a->now_ms;
	reload_apply(a);
	a->tally.reloads[TALLY_DONE]++;
	log_info(&a->log, "reloaded", log_uint("generation", a->current->number),
		log_uint("ms", a->now_ms - a->reload_ms));
}

void reload_begin(struct arbiter *a)
{
	char bytes[1024];
	struct text why = TEXT_OVER(bytes);

	if (wish_is_ending(&a->wish)) {
		log_info(&a->log, "reload_ignored",
			log_string("phase", wish_phase_name(a->wish.phase)));
		return;
	}
	herald_reloading(a);
	reload_fail(a, "another reload was asked for");
	if (make_candidate(a, &why) != 0) {
		a->tally.reloads[TALLY_FAILED]++;
		log_error(&a->log, "reload_failed", log_string("reason", bytes));
		upgrade_note(a, bytes);
		return;
	}
	a->reload_ms = a->now_ms;
	a->wish.candidate = candidate_crew(a);
	a->roster.limits.boot_timeout = a->candidate->config.settings.boot_timeout;
	log_info(&a->log, "reloading", log_uint("generation", a->candidate->number),
		log_uint("workers", a->wish.candidate.workers));
	if (a->wish.phase == PHASE_REST) {
		commit(a); /* nobody serves who would have to be kept */
		arbiter_turn(a, TURN_WAKE);
	}
}

void reload_settle(struct arbiter *a)
{
	if (a->wish.candidate.generation == 0)
		return;
	if (wish_is_ending(&a->wish))
		reload_fail(a, "the service ends");
	else if (converge_is_ready(&a->roster, &a->wish.candidate) && !upgrade_holds(a))
		commit(a);
}

void reload_fail(struct arbiter *a, const char *reason)
{
	if (a->wish.candidate.generation == 0)
		return;
	a->tally.reloads[TALLY_FAILED]++;
	log_error(&a->log, "reload_failed", log_uint("generation", a->candidate->number),
		log_string("reason", reason));
	upgrade_note(a, reason);
	give_up(a, a->candidate, a->current, a->candidate->number, a->candidate->number);
	generation_close(a->candidate);
	wish_discard(&a->wish);
	reload_apply(a);
}
