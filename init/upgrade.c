#include "init/upgrade.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/arbiter.h"
#include "init/converge.h"
#include "init/departure.h"
#include "init/heirloom.h"
#include "init/reload.h"
#include "init/trial.h"

#define RETRY_MS 1000 /* when the way back was refused */

static const struct {
	enum upgrade_state next;
	const char *line; /* NULL: impossible */
} steps[UPGRADES][UPGRADE_EVENTS] = {
#define UPGRADE_STEP(in, on, becomes, line) \
	[UPGRADE_##in][UPGRADE_EVENT_##on] = {UPGRADE_##becomes, line},
#include "init/upgrade_steps.def"
#undef UPGRADE_STEP
};

static const char *const state_names[UPGRADES] = {
#define UPGRADE_STATE(name, meaning) [UPGRADE_##name] = #name,
#include "init/upgrade_states.def"
#undef UPGRADE_STATE
};

void upgrade_init(struct upgrade *upgrade)
{
	*upgrade = (struct upgrade){
		.deadline_ms = CLOCK_NEVER,
		.own = {.fd = -1},
		.other = {.fd = -1},
		.report_fd = -1,
	};
	printed_init(&upgrade->printed);
}

int upgrade_open(struct arbiter *a, struct text *why)
{
	char bytes[256];
	struct text reason = TEXT_OVER(bytes);

	(void)why;
	a->start_fd = a->input->directory_fd >= 0 ? a->input->directory_fd : -1;
	(void)prctl(PR_GET_NAME, a->upgrade.process_name, 0L, 0L, 0L);
	if (image_hold_own(&a->upgrade.own, &reason) != 0)
		log_warning(&a->log, "upgrade_impossible", log_string("reason", bytes));
	image_name_own(&a->upgrade.own);
	return 0;
}

void upgrade_close(struct upgrade *u)
{
	image_let_go(&u->own);
	image_let_go(&u->other);
	fd_close(&u->report_fd);
	printed_close(&u->printed);
}

const char *upgrade_state_name(enum upgrade_state state)
{
	return state_names[state];
}

/* What entering a state asks of the world. */

static void forget(struct arbiter *a)
{
	trial_end(a);
	a->upgrade.recalled = NULL;
	image_let_go(&a->upgrade.other);
}

static uint64_t limit_of(const struct arbiter *a)
{
	return a->now_ms + a->current->config.settings.upgrade_timeout;
}

static const char *find_image(const struct arbiter *a)
{
	const char *set = a->current->config.settings.upgrade_image;

	if (a->upgrade.wanted != NULL)
		return a->upgrade.wanted;
	return set != NULL ? set : a->upgrade.own.path;
}

static void try_image(struct arbiter *a)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	int error;

	a->upgrade.deadline_ms = limit_of(a);
	error = image_hold_file(&a->upgrade.other, find_image(a), &why);
	if (error == 0)
		error = trial_begin(a, &why);
	if (error != 0)
		(void)upgrade_step(a, UPGRADE_EVENT_FAILED, bytes);
}

/* Of init mode there are none; nor are there generations: what is held is the old image alone. */
static bool is_service(const struct arbiter *a)
{
	return a->program == NULL;
}

static void run_hooks(struct arbiter *a)
{
	a->upgrade.deadline_ms = limit_of(a);
	a->upgrade.hooks_failed = a->herald.hooks.failures[HOOK_PRE_EXEC];
	if (is_service(a))
		herald_pre_exec(a);
}

/* Comes back only if the world refused. */
static void leave(struct arbiter *a)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	a->upgrade.reads = HEIRLOOM_VERSION;
	departure_exec(a, HEIRLOOM_VERSION, &why);
	(void)upgrade_step(a, UPGRADE_EVENT_FAILED, bytes);
}

static void make_generation(struct arbiter *a)
{
	a->upgrade.deadline_ms = limit_of(a);
	if (is_service(a))
		reload_begin(a);
}

static void hold(struct arbiter *a)
{
	uint64_t probation = a->current->config.settings.upgrade_probation;

	a->herald.reloading = false; /* the manager shall not wait for what may take days */
	if (!a->upgrade.hold)
		a->upgrade.deadline_ms = a->now_ms + probation;
}

/* The old generation serves; if the way back is refused now, it will be open later. */
static void go_back(struct arbiter *a)
{
	uint64_t reads = a->upgrade.reads;
	char bytes[512], reason[sizeof(a->upgrade.reason)];
	struct text why = TEXT_OVER(bytes);

	memcpy(reason, a->upgrade.reason, sizeof(reason));
	if (is_service(a))
		reload_fail(a, reason);
	departure_exec(a, reads < HEIRLOOM_VERSION ? reads : HEIRLOOM_VERSION, &why);
	log_error(&a->log, "upgrade_retried", log_string("reason", bytes),
		log_uint("in_ms", RETRY_MS));
	a->upgrade.deadline_ms = a->now_ms + RETRY_MS;
}

static void (*const enter_state[UPGRADES])(struct arbiter *) = {
	[UPGRADE_NONE] = forget,
	[UPGRADE_TRIAL] = try_image,
	[UPGRADE_PREPARING] = run_hooks,
	[UPGRADE_LEAVING] = leave,
	[UPGRADE_ARRIVED] = make_generation,
	[UPGRADE_HELD] = hold,
	[UPGRADE_RETURNING] = go_back,
};

/* One that is over: it was committed, or what serves is what served before. */
static void count(struct arbiter *a, enum upgrade_event event, enum upgrade_state before)
{
	bool is_done = before == UPGRADE_HELD && event != UPGRADE_EVENT_ENDING;

	if (a->upgrade.state == UPGRADE_NONE)
		a->tally.upgrades[is_done ? TALLY_DONE : TALLY_FAILED]++;
}

static void tell(struct arbiter *a, const char *line, enum upgrade_state before)
{
	const struct upgrade *u = &a->upgrade;
	bool bad = u->reason[0] != '\0';

	log_at(&a->log, bad ? LOG_ERROR : LOG_INFO, line, log_string("image", u->own.path),
		log_string("other", u->other.path), log_string("step", state_names[before]),
		log_uint("ms", a->now_ms - u->begun_ms),
		bad ? log_string("reason", u->reason) : (struct log_field){.kind = LOG_FIELD_END});
}

static bool has_lost_candidate(const struct arbiter *a)
{
	return is_service(a) && upgrade_holds(a) && a->wish.candidate.generation == 0;
}

/* Decided already, in this turn: there is nothing left that could be committed. */
static bool is_lost(const struct arbiter *a)
{
	return has_lost_candidate(a) || (upgrade_holds(a) && a->upgrade.recalled != NULL);
}

bool upgrade_step(struct arbiter *a, enum upgrade_event event, const char *reason)
{
	struct upgrade *u = &a->upgrade;
	enum upgrade_state before = u->state;
	struct text text;

	if (steps[before][event].line == NULL || (event == UPGRADE_EVENT_COMMITTED && is_lost(a)))
		return false;
	text = TEXT_OVER(u->reason);
	if (reason != NULL) {
		text_add(&text, reason);
		/* The way back is not what was wrong. */
		u->failed_in = before == UPGRADE_RETURNING ? u->failed_in : before;
	}
	u->state = steps[before][event].next;
	u->deadline_ms = CLOCK_NEVER;
	count(a, event, before);
	tell(a, steps[before][event].line, before);
	enter_state[u->state](a);
	return true;
}

void upgrade_ask(struct arbiter *a, bool hold_it, const char *image)
{
	const char *reason = NULL;

	if (a->upgrade.state != UPGRADE_NONE)
		reason = "another one is under way";
	else if (a->wish.phase != PHASE_SERVE)
		reason = is_service(a) ? "the service ends, or rests" : "the program has ended";
	else if (a->ready_ms == 0)
		reason = "the service has not been ready yet";
	else if (a->current->config.verb == CONFIG_LEARN)
		reason = "seccomp learn would forget what it has learnt";
	else if (a->upgrade.own.fd < 0)
		reason = "there would be no way back to this image";
	if (reason != NULL) {
		log_warning(&a->log, "upgrade_refused", log_string("reason", reason),
			log_string("step", state_names[a->upgrade.state]));
		return;
	}
	a->upgrade.hold = hold_it || a->current->config.settings.upgrade_hold;
	a->upgrade.begun_ms = a->now_ms;
	a->upgrade.wanted = image;
	(void)upgrade_step(a, UPGRADE_EVENT_ASKED, NULL);
	a->upgrade.wanted = NULL;
}

bool upgrade_recall(struct arbiter *a, const char *reason)
{
	if (steps[a->upgrade.state][UPGRADE_EVENT_RECALLED].line == NULL)
		return false;
	a->upgrade.recalled = reason;
	return true;
}

bool upgrade_keep(struct arbiter *a)
{
	if (a->upgrade.state == UPGRADE_RETURNING) {
		log_warning(&a->log, "reload_refused",
			log_string("reason", "an upgrade goes back"));
		return true;
	}
	return a->upgrade.state == UPGRADE_HELD && upgrade_recall(a, "SIGHUP called it back");
}

/* Before its generation is ready, or when it is lost, there is nothing to give way to. */
bool upgrade_give_way(struct arbiter *a)
{
	bool is_early = a->upgrade.state == UPGRADE_ARRIVED ||
			a->upgrade.state == UPGRADE_RETURNING || is_lost(a);

	if (is_early)
		log_warning(&a->log, "rest_refused",
			log_string("reason", "an upgrade is under way"));
	return is_early || upgrade_step(a, UPGRADE_EVENT_COMMITTED, NULL);
}

/* What has become of it. */

static void look_at_hooks(struct arbiter *a)
{
	const struct hooks *hooks = &a->herald.hooks;

	if (hooks_count(hooks, HOOK_PRE_EXEC) > 0)
		return;
	if (hooks->failures[HOOK_PRE_EXEC] != a->upgrade.hooks_failed)
		(void)upgrade_step(a, UPGRADE_EVENT_FAILED, "pre_exec failed");
	else if (a->wish.candidate.generation == 0) /* a reload under way comes first */
		(void)upgrade_step(a, UPGRADE_EVENT_PASSED, NULL);
}

static void look_at_candidate(struct arbiter *a)
{
	char reason[sizeof(a->upgrade.reason)];

	if (has_lost_candidate(a)) {
		memcpy(reason, a->upgrade.reason, sizeof(reason));
		(void)upgrade_step(a, UPGRADE_EVENT_FAILED, reason);
	} else if (a->upgrade.state == UPGRADE_ARRIVED &&
		   (!is_service(a) || converge_is_ready(&a->roster, &a->wish.candidate))) {
		(void)upgrade_step(a, UPGRADE_EVENT_PASSED, NULL);
	}
}

/* Before its end. */
static void condemn_trial(struct arbiter *a, const char *why, struct text *reason)
{
	trial_kill(a); /* or it would print while it is judged */
	(void)trial_judge(a, why, reason);
}

static void look_at_trial(struct arbiter *a)
{
	char bytes[sizeof(a->upgrade.reason)];
	struct text reason = TEXT_OVER(bytes);

	if (!printed_is_flood(&a->upgrade.printed))
		return;
	condemn_trial(a, "it printed more than 16 MiB", &reason);
	(void)upgrade_step(a, UPGRADE_EVENT_FAILED, bytes);
}

static void pass_deadline(struct arbiter *a)
{
	char bytes[sizeof(a->upgrade.reason)] = "";
	struct text reason = TEXT_OVER(bytes);

	if (a->upgrade.state == UPGRADE_TRIAL) {
		condemn_trial(a, "it was not over within upgrade_timeout", &reason);
	} else if (a->upgrade.state == UPGRADE_RETURNING) {
		text_add(&reason, a->upgrade.reason); /* why it goes back is what counts */
	} else if (a->upgrade.state != UPGRADE_HELD) {
		text_add(&reason, "not within upgrade_timeout");
	}
	(void)upgrade_step(a, UPGRADE_EVENT_OVERDUE, bytes);
}

static void recall(struct arbiter *a)
{
	const char *reason = a->upgrade.recalled;

	a->upgrade.recalled = NULL;
	(void)upgrade_step(a, UPGRADE_EVENT_RECALLED, reason);
}

void upgrade_turn(struct arbiter *a)
{
	if (a->upgrade.state == UPGRADE_NONE)
		return;
	if (a->wish.phase != PHASE_SERVE) {
		(void)upgrade_step(a, UPGRADE_EVENT_ENDING, NULL);
		return;
	}
	if (a->upgrade.recalled != NULL)
		recall(a);
	if (a->upgrade.state == UPGRADE_TRIAL)
		look_at_trial(a);
	if (a->upgrade.state == UPGRADE_PREPARING)
		look_at_hooks(a);
	if (upgrade_holds(a))
		look_at_candidate(a);
	if (a->upgrade.deadline_ms <= a->now_ms)
		pass_deadline(a);
}

uint64_t upgrade_deadline(const struct arbiter *a)
{
	return has_lost_candidate(a) ? a->now_ms : a->upgrade.deadline_ms;
}

void upgrade_postpone(struct upgrade *u, uint64_t ms)
{
	if (u->deadline_ms != CLOCK_NEVER)
		u->deadline_ms += ms;
}

bool upgrade_holds(const struct arbiter *a)
{
	return a->upgrade.state == UPGRADE_ARRIVED || a->upgrade.state == UPGRADE_HELD;
}

void upgrade_note(struct arbiter *a, const char *reason)
{
	struct text text;

	if (!upgrade_holds(a))
		return;
	text = TEXT_OVER(a->upgrade.reason);
	text_add(&text, reason);
}

void upgrade_mourn(struct arbiter *a, unsigned index, enum cause cause)
{
	const struct slot *slot = &a->roster.slots[index];
	char bytes[128];
	struct text reason = TEXT_OVER(bytes);

	if (!upgrade_holds(a) || slot->generation != a->wish.candidate.generation ||
		slot->served_ms == 0 || cause == CAUSE_RETIRED || cause == CAUSE_GRACEFUL_TIMEOUT)
		return;
	text_printf(&reason, "%s of the new generation died: %s", process_role_phrase(slot->role),
		roster_cause_name(cause));
	reload_fail(a, bytes);
}
