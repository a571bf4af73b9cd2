#include "init/arbiter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/exits.h"
#include "init/announce.h"
#include "init/converge.h"
#include "init/gossip.h"
#include "init/herald.h"
#include "init/introduction.h"
#include "init/lesson.h"
#include "init/noticeboard.h"
#include "init/opening.h"
#include "init/outsider.h"
#include "init/preload.h"
#include "init/reap.h"
#include "init/reload.h"
#include "init/scrape.h"
#include "init/spawn.h"
#include "init/sweep.h"
#include "init/termination.h"
#include "seccomp/landlock.h"

#define LATE_MS 1000
#define EMPTYING_MS 10

struct log_field arbiter_who(const struct arbiter *a, unsigned index)
{
	const struct slot *slot = &a->roster.slots[index];

	return index < a->roster.size ? log_uint("slot", index)
				      : log_string("role", process_role_name(slot->role));
}

/* What entering a state asks of the world. */

/* Without CAP_KILL a root arbiter may not end what it has made another user's. */
static void send_signal(struct arbiter *a, unsigned index, int number)
{
	const struct slot *slot = &a->roster.slots[index];
	bool group = a->children[index].outsider && (a->children[index].group || number == SIGKILL);

	if (slot->pid == 0)
		return; /* unborn: there is nobody */
	/* It leads a group a moment after it is born: until then it is alone. */
	if (group && kill(-slot->pid, number) == 0)
		return;
	if (kill(slot->pid, number) != 0 && errno != ESRCH)
		log_error(&a->log, "signal_refused", arbiter_who(a, index),
			log_int("pid", slot->pid), log_string("name", sigabbrev_np(number)),
			log_errno("error", errno));
}

/* Who alone has a listener empties it; else those that stay take what waits there. */
static void tell_to_leave(struct arbiter *a, unsigned index)
{
	bool is_last = a->wish.phase != PHASE_SERVE ||
		       shelf_serves(&a->shelf, a->roster.slots[index].generation);
	enum message_type farewell = is_last ? MESSAGE_DRAIN : MESSAGE_RETIRE;

	if (channel_send(a->children[index].watch.fd, farewell, NULL, 0) != 0)
		send_signal(a, index, SIGTERM); /* its channel is full: RETIRE */
}

static void send_quit(struct arbiter *a, unsigned index)
{
	send_signal(a, index, SIGQUIT);
}

static void send_abort(struct arbiter *a, unsigned index)
{
	send_signal(a, index, SIGABRT);
}

static void send_kill(struct arbiter *a, unsigned index)
{
	send_signal(a, index, SIGKILL);
}

static void (*const enter_state[STATES])(struct arbiter *, unsigned) = {
	[STATE_DRAINING] = tell_to_leave,
	[STATE_HURRIED] = send_quit,
	[STATE_ABORTED] = send_abort,
	[STATE_DOOMED] = send_kill,
};

void arbiter_step(struct arbiter *a, unsigned index, enum event event)
{
	struct slot *slot = &a->roster.slots[index];
	enum state before = slot->state;

	if (roster_next(&a->roster, index, event) == STATES)
		return;
	if (event == EVENT_SPAWNED && spawn_worker(a, index) != 0)
		event = EVENT_REFUSED;
	a->tally.starts += event == EVENT_SPAWNED && index < a->roster.size;
	(void)roster_step(&a->roster, index, event, a->now_ms);
	log_debug(&a->log, "step", arbiter_who(a, index),
		log_string("event", roster_event_name(event)),
		log_string("from", roster_state_name(before)),
		log_string("to", roster_state_name(slot->state)));
	if (slot->state != before && enter_state[slot->state] != NULL)
		enter_state[slot->state](a, index);
	if (slot->state != STATE_BOOTING && a->children[index].unborn)
		preload_give_up(a, index);
}

/*
 * One that boots may have said READY since this turn began, or before an exec, and serve by now: so
 * what it has said is heard before it is judged.
 */
static void carry_out(struct arbiter *a, const struct order *order)
{
	const struct slot *slot = &a->roster.slots[order->slot];

	if (slot->state == STATE_BOOTING)
		gossip_read(&a->children[order->slot].watch, 0);
	if (order->event == EVENT_SPAWNED)
		roster_assign(&a->roster, order->slot, order->generation, order->role);
	if (order->event == EVENT_OVERDUE && slot->state == STATE_BOOTING)
		arbiter_give_up_boot(a, order->slot, "was not ready within boot_timeout");
	arbiter_step(a, order->slot, order->event);
}

/* What entering a phase asks of the world. */

static void gate_listeners(struct arbiter *a)
{
	struct listener_set *listeners = &a->current->listeners;

	for (size_t i = 0; i < listeners->count; i++) {
		int error = listener_gate(&listeners->item[i]);

		if (error != 0)
			log_warning(&a->log, "gate_failed",
				log_string("address", listeners->item[i].address.text),
				log_errno("error", error));
	}
}

static void sweep_politely(struct arbiter *a)
{
	listener_set_close(&a->current->listeners);
	listener_set_close(&a->current->metrics);
	sweep_signal(SIGTERM);
}

static void (*const enter_phase[PHASES])(struct arbiter *) = {
	[PHASE_DRAIN] = gate_listeners,
	[PHASE_QUICK] = gate_listeners,
	[PHASE_SWEEP] = sweep_politely,
};

void arbiter_turn(struct arbiter *a, enum turn turn)
{
	if (!wish_move(&a->wish, turn, a->now_ms))
		return;
	log_debug(&a->log, "phase", log_string("name", wish_phase_name(a->wish.phase)));
	if (enter_phase[a->wish.phase] != NULL)
		enter_phase[a->wish.phase](a);
}

void arbiter_give_up(struct arbiter *a, uint64_t generation, int exit_status, const char *reason)
{
	struct text cause;

	if (generation == a->wish.candidate.generation) {
		reload_fail(a, reason);
		return;
	}
	if (a->ready_ms != 0 || a->wish.phase != PHASE_SERVE)
		return;
	a->wish.exit_status = exit_status;
	cause = TEXT_OVER(a->last_cause);
	text_add(&cause, reason);
	arbiter_turn(a, TURN_QUICK);
}

void arbiter_give_up_boot(struct arbiter *a, unsigned index, const char *what)
{
	const struct slot *slot = &a->roster.slots[index];
	char bytes[128];
	struct text reason = TEXT_OVER(bytes);

	text_printf(&reason, "%s %s", process_role_phrase(slot->role), what);
	arbiter_give_up(a, slot->generation, EXIT_BOOT, bytes);
}

static bool has_backlog(const struct arbiter *a)
{
	const struct listener_set *listeners = &a->current->listeners;

	for (size_t i = 0; i < listeners->count; i++) {
		if (!listeners->item[i].inherited && listener_waiting(&listeners->item[i]))
			return true;
	}
	return false;
}

/* Nobody is there any more, nor about to come back for those who wait. */
static bool is_deserted(const struct arbiter *a)
{
	return roster_occupied(&a->roster) == 0 &&
	       !converge_is_awaited(&a->roster, &a->wish, a->now_ms);
}

static void converge(struct arbiter *a)
{
	struct order order;

	if (a->wish.deadline_ms <= a->now_ms)
		arbiter_turn(a, TURN_OVERDUE);
	upgrade_turn(a);
	sources_turn(a);
	reload_settle(a);
	tickets_turn(&a->tickets, a->now_ms, &a->log);
	certificate_watch_turn(a);
	shelf_clear(&a->shelf, &a->roster);
	a->wish.backlog = a->wish.phase == PHASE_DRAIN && has_backlog(a);
	outsider_wish(a);
	announce_readiness(a); /* unready before anybody is told to leave */
	while (herald_has_started(a) && converge_next(&a->roster, &a->wish, a->now_ms, &order))
		carry_out(a, &order);
	introduction_turn(a);
	scrape_turn(a);
	noticeboard_turn(a);
	herald_turn(a);
	status_socket_turn(a);
	if (is_deserted(a) && herald_has_ended(a) && !scribe_is_busy(a))
		arbiter_turn(a, TURN_EMPTY);
	if (a->wish.phase == PHASE_KILL)
		sweep_signal(SIGKILL); /* whoever was orphaned to us by the last one */
	if (a->wish.phase >= PHASE_SWEEP && sweep_is_done())
		arbiter_turn(a, TURN_ALONE);
}

static uint64_t nearest_deadline(const struct arbiter *a)
{
	const uint64_t deadlines[] = {
		/* Until on_starting has ended, slots that are due wait for it. */
		a->herald.started ? converge_deadline(&a->roster, &a->wish, a->now_ms)
				  : a->wish.deadline_ms,
		/* The kernel says when a queue fills, and never when it is empty. */
		wish_is_emptying(&a->wish) ? a->now_ms + EMPTYING_MS : CLOCK_NEVER,
		a->introduce_ms,
		a->reap_ms,
		certificate_watch_deadline(a),
		gossip_deadline(a),
		herald_deadline(a),
		noticeboard_deadline(a),
		scrape_deadline(a),
		scribe_deadline(a),
		sources_deadline(&a->sources),
		status_socket_deadline(a),
		tickets_deadline(&a->tickets),
		upgrade_deadline(a),
	};
	uint64_t nearest = CLOCK_NEVER;

	for (size_t i = 0; i < COUNT_OF(deadlines); i++)
		nearest = deadlines[i] < nearest ? deadlines[i] : nearest;
	return nearest;
}

/*
 * Woken much later than asked for: a control group was frozen, or a machine stood still. What the
 * workers could not do in that time is not held against them.
 */
static void forgive(struct arbiter *a, uint64_t due_ms)
{
	if (due_ms == CLOCK_NEVER || a->now_ms < due_ms + LATE_MS)
		return;
	log_warning(&a->log, "stood_still", log_uint("ms", a->now_ms - due_ms));
	a->woken_ms = a->now_ms;
	roster_postpone(&a->roster, a->now_ms - due_ms);
	scribe_postpone(a, a->now_ms - due_ms);
	upgrade_postpone(&a->upgrade, a->now_ms - due_ms);
}

static void wait_for_events(struct arbiter *a)
{
	uint64_t begun_ms = clock_ms(), due_ms = nearest_deadline(a);

	(void)loop_wait(&a->loop, clock_timeout(due_ms, begun_ms));
	a->now_ms = clock_ms();
	forgive(a, due_ms < begun_ms ? begun_ms : due_ms);
}

static void turn_loop(struct arbiter *a)
{
	for (;;) {
		converge(a);
		if (a->wish.phase == PHASE_GONE)
			return;
		wait_for_events(a);
		loop_dispatch(&a->loop);
		reap_all(a);
		gossip_look(a);
	}
}

/* Each worker finds that out for itself; one line will do. */
static void say_landlock(struct arbiter *a)
{
	int abi = a->current->config.settings.landlock == LANDLOCK_AUTO ? landlock_abi() : 0;

	if (abi < 0)
		log_warning(&a->log, "landlock_missing", log_errno("error", abi),
			log_string("remedy", landlock_remedy(abi)));
}

/* A line of the log for each of them. */
static void say_warnings(struct arbiter *a)
{
	char bytes[1024];

	for (const char *at = a->current->config.warnings; *at != '\0';) {
		size_t size = strcspn(at, "\n");
		struct text line = TEXT_OVER(bytes);

		text_add_bytes(&line, at, size);
		log_warning(&a->log, "config", log_string("warning", bytes));
		at += size + (at[size] == '\n');
	}
}

static void say_who(struct arbiter *a)
{
	say_warnings(a);
	if (a->current->users.defaulted)
		log_info(&a->log, "privileges", log_uint("uid", a->current->users.uid),
			log_uint("gid", a->current->users.gid),
			log_string("reason", "started as root without user: workers are nobody"));
	say_landlock(a);
}

/* Each cause that some worker died of, as in "exits_timeout=1". */
static size_t add_exits(const struct arbiter *a, struct log_field *fields)
{
	static const char *const names[CAUSES] = {
#define CAUSE(name, text, meaning) [CAUSE_##name] = "exits_" text,
#include "init/causes.def"
#undef CAUSE
	};
	size_t n = 0;

	for (size_t i = 0; i < CAUSES; i++) {
		if (a->exits[i] != 0)
			fields[n++] = log_uint(names[i], a->exits[i]);
	}
	return n;
}

static void say_stopped(struct arbiter *a)
{
	struct log_field fields[7 + CAUSES] = {
		log_int("status", a->wish.exit_status),
		log_string("reason", a->last_cause),
		log_uint("requests", a->requests),
		log_uint("dropped", a->dropped),
		log_uint("killed", a->killed),
		log_uint("uptime_ms", a->now_ms - a->born_ms),
	};
	size_t n = 6 + add_exits(a, fields + 6);

	fields[n] = (struct log_field){.kind = LOG_FIELD_END};
	log_write(&a->log, LOG_INFO, "stopped", fields);
}

static void leave_cause(struct arbiter *a, const char *cause)
{
	int error = termination_write(a->termination_fd, cause);

	if (error != 0)
		log_warning(&a->log, "termination_log_failed", log_errno("error", error));
}

static void say_what_was_learnt(struct arbiter *a)
{
	int error =
		a->current->config.verb == CONFIG_LEARN ? lesson_print(&a->violations, stdout) : 0;

	if (error != 0)
		log_error(&a->log, "learn_failed", log_errno("error", error));
}

int arbiter_live(struct arbiter *a)
{
	/* The line of no death: from here on PID 1 retries by deadline, and never exits because the
	 * world refused something. */
	turn_loop(a);
	say_stopped(a);
	say_what_was_learnt(a);
	if (a->wish.exit_status != EXIT_OK)
		leave_cause(a, a->last_cause);
	opening_close(a);
	return a->wish.exit_status;
}

int arbiter_serve(struct config *config, const struct config_input *input)
{
	struct arbiter a = {.input = input};
	char bytes[1024];
	struct text why = TEXT_OVER(bytes);

	if (opening_run(&a, config, &why) == 0) {
		say_who(&a);
		announce_listeners(&a);
		return arbiter_live(&a);
	}
	leave_cause(&a, bytes);
	(void)fprintf(stderr, "narwhal: %s\n", bytes);
	opening_close(&a);
	return EXIT_USAGE;
}
