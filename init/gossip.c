#include "init/gossip.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/exits.h"
#include "base/fd.h"
#include "init/introduction.h"
#include "init/outsider.h"
#include "init/preload.h"
#include "init/scrape.h"
#include "init/spawn.h"
#include "init/warden.h"

#define MESSAGES_AT_ONCE 16
#define MESSAGES_MAX 256 /* in a while; a worker in good order sends one or two */
/* A few now and then are no flood, however long a process lives: its heartbeat may not be looked at
 * for weeks, as that of one that only signs, or never without a timeout. */
#define WHILE_MS 60000

void gossip_distrust(struct child *child, int error)
{
	struct arbiter *a = child->arbiter;
	unsigned slot = child->slot;

	spawn_hang_up(child);
	if (error == -EPIPE) {
		if (!outsider_began(child))
			arbiter_step(a, slot, EVENT_HUNG_UP);
		return;
	}
	log_warning(&a->log, "worker_gossip", arbiter_who(a, slot),
		log_int("pid", a->roster.slots[slot].pid), log_errno("error", error));
	arbiter_step(a, slot, EVENT_MISBEHAVED);
}

static bool is_worker(const struct child *child)
{
	return child->slot < child->arbiter->roster.size;
}

/*
 * CONFINED comes before anything else; but for that, a failure is the first word and the last.
 * ACTIVE and SPENT come behind READY, and are no offence of one that leaves and does not know it
 * yet. READY has rows of its own in steps.def. An attendant has nobody to succeed it, and no line.
 */
static bool is_in_order(const struct child *child, enum message_type type)
{
	const struct slot *slot = &child->arbiter->roster.slots[child->slot];

	if (type == MESSAGE_BOOT_FAILED || type == MESSAGE_LOAD_FAILED ||
		type == MESSAGE_SETTING_FAILED)
		return slot->served_ms == 0 && child->messages == 1U + child->confined;
	if (type == MESSAGE_CONFINED)
		return slot->served_ms == 0 && !child->confined;
	if ((type == MESSAGE_SPENT || type == MESSAGE_LINE_LOST) && !is_worker(child))
		return false;
	if (type == MESSAGE_REFUSED && slot->role != PROCESS_KEYHOLDER)
		return false;
	return type == MESSAGE_READY || slot->state != STATE_BOOTING;
}

static void hear_ready(struct child *child, struct message *message)
{
	struct arbiter *a = child->arbiter;
	const struct slot *slot = &a->roster.slots[child->slot];
	/* Of the first ones the line "ready" tells; one that was born later is news. */
	enum log_level level =
		a->ready_ms != 0 && slot->born_ms >= a->ready_ms ? LOG_INFO : LOG_DEBUG;

	(void)message;
	channel_refuse_fds(child->watch.fd); /* from here on it meets strangers */
	arbiter_step(a, child->slot, EVENT_READY);
	if (slot->state == STATE_SERVING)
		log_at(&a->log, level, is_worker(child) ? "worker_ready" : "attendant_ready",
			arbiter_who(a, child->slot), log_int("pid", slot->pid),
			log_uint("generation", slot->generation),
			log_uint("boot_ms", a->now_ms - slot->born_ms));
}

/* When the service gives up, the first one has said it for all. */
static void hear_failure(struct child *child, struct message *message, enum exits status)
{
	struct arbiter *a = child->arbiter;
	const struct slot *slot = &a->roster.slots[child->slot];

	if (a->wish.phase == PHASE_SERVE && slot->cause == CAUSE_NONE)
		log_error(&a->log, is_worker(child) ? "worker_failed" : "attendant_failed",
			arbiter_who(a, child->slot), log_int("pid", slot->pid),
			log_uint("generation", slot->generation),
			log_string("reason", message->payload));
	arbiter_step(a, child->slot, EVENT_FAILED);
	arbiter_give_up(a, slot->generation, (int)status, message->payload);
}

static void hear_boot_failed(struct child *child, struct message *message)
{
	hear_failure(child, message, EXIT_BOOT);
}

static void hear_load_failed(struct child *child, struct message *message)
{
	hear_failure(child, message, EXIT_APP);
}

static void hear_setting_failed(struct child *child, struct message *message)
{
	hear_failure(child, message, EXIT_USAGE);
}

static void hear_spent(struct child *child, struct message *message)
{
	(void)message;
	arbiter_step(child->arbiter, child->slot, EVENT_SPENT);
}

/* Its generation's own timeout counts, whatever a reload has made of it since; 0 means never. */
static void look_later(struct child *child, uint64_t since_ms)
{
	child->look_ms = child->timeout_ms != 0 ? since_ms + child->timeout_ms : CLOCK_NEVER;
}

void gossip_stopped(struct child *child, bool stopped)
{
	uint64_t now_ms = child->arbiter->now_ms;

	child->stopped_ms = stopped ? now_ms : 0;
	if (stopped && !child->outsider && child->look_ms == CLOCK_NEVER)
		look_later(child, now_ms);
}

/* It idled and does no more: look at its heartbeat until it idles again. */
static void hear_active(struct child *child, struct message *message)
{
	(void)message;
	if (child->page == NULL) /* lost on the way back to an image that had no memory for it */
		return;
	atomic_store(&child->page->watched, 1);
	look_later(child, child->arbiter->now_ms);
}

static void hear_confined(struct child *child, struct message *message)
{
	int error = warden_accept(child, &message->fd);

	if (error != 0)
		gossip_distrust(child, error);
}

static void hear_line_lost(struct child *child, struct message *message)
{
	struct arbiter *a = child->arbiter;

	(void)message;
	log_debug(&a->log, "line_lost", arbiter_who(a, child->slot),
		log_int("pid", a->roster.slots[child->slot].pid));
	introduction_undo(child);
}

/* The key holder has cut it off, and said why: whoever it is now, it is no worker of ours. */
static void hear_refused(struct child *child, struct message *message)
{
	struct arbiter *a = child->arbiter;
	uint64_t generation = a->roster.slots[child->slot].generation, pid;

	if (text_to_uint(message->payload, message->size, INT_MAX, &pid) != 0)
		return;
	for (unsigned i = 0; i < a->roster.size; i++) {
		const struct slot *slot = &a->roster.slots[i];

		if (slot->state != STATE_VACANT && slot->generation == generation &&
			slot->pid == (pid_t)pid)
			arbiter_step(a, i, EVENT_MISBEHAVED);
	}
}

static void hear_scrape(struct child *child, struct message *message)
{
	int error = scrape_ask(child);

	(void)message;
	if (error != 0)
		gossip_distrust(child, error);
}

static void (*const hear[MESSAGES])(struct child *, struct message *) = {
	[MESSAGE_CONFINED] = hear_confined,
	[MESSAGE_READY] = hear_ready,
	[MESSAGE_BOOT_FAILED] = hear_boot_failed,
	[MESSAGE_LOAD_FAILED] = hear_load_failed,
	[MESSAGE_SETTING_FAILED] = hear_setting_failed,
	[MESSAGE_SPENT] = hear_spent,
	[MESSAGE_ACTIVE] = hear_active,
	[MESSAGE_LINE_LOST] = hear_line_lost,
	[MESSAGE_REFUSED] = hear_refused,
	[MESSAGE_SCRAPE] = hear_scrape,
};

/* With the message of a notifier the worker is lost, too: nobody would hear what it asks. */
static bool is_final(int error)
{
	return error == -EPIPE || error == -EBADMSG || error == -EMFILE;
}

/* Its first word, and with that its name: false, if there is more to wait for, or nothing. */
static bool greet(struct child *child)
{
	int outcome = preload_greet(child);

	if (outcome < 0 && is_final(outcome))
		gossip_distrust(child, outcome);
	return outcome > 0;
}

/* Before READY each counts: a failure is the first one, or the second. */
static void forget_old(struct child *child)
{
	const struct arbiter *a = child->arbiter;

	if (a->roster.slots[child->slot].served_ms == 0 || a->now_ms - child->counted_ms < WHILE_MS)
		return;
	child->messages = 0;
	child->counted_ms = a->now_ms;
}

void gossip_read(struct watch *watch, uint32_t events)
{
	struct child *child = CONTAINER_OF(watch, struct child, watch);
	struct message message;

	(void)events;
	if (child->unborn && !greet(child))
		return;
	forget_old(child);
	for (int i = 0; i < MESSAGES_AT_ONCE && watch->fd >= 0; i++) {
		int outcome = channel_receive(watch->fd, CHANNEL_WORKER, &message);

		/* The kernel's want of memory is no offence of the worker's: it is asked again. */
		if (outcome == 0 || (outcome < 0 && !is_final(outcome)))
			return;
		if (outcome > 0 && child->messages++ >= MESSAGES_MAX)
			outcome = -ENOBUFS;
		if (outcome > 0 && !is_in_order(child, message.type))
			outcome = -EPROTO;
		if (outcome < 0)
			gossip_distrust(child, outcome);
		else
			hear[message.type](child, &message);
		fd_close(&message.fd);
	}
}

/*
 * The worker stores busy_since, then loads watched; we store watched, then load busy_since: one of
 * the two sees the other, so a worker never begins a turn that nobody will look at.
 */
static void stop_looking(struct child *child)
{
	atomic_store(&child->page->watched, 0);
	child->look_ms = CLOCK_NEVER;
	if (page_busy_since(child->page) != 0) {
		atomic_store(&child->page->watched, 1);
		look_later(child, child->arbiter->now_ms);
	}
}

/* Since when it owes a turn; 0: it idles. One that is stopped could not begin any. */
static uint64_t owes_since(const struct child *child)
{
	uint64_t since = page_busy_since(child->page);

	return since != 0 ? since : child->stopped_ms;
}

static void look_at(struct arbiter *a, struct child *child)
{
	uint64_t since = owes_since(child);
	uint64_t turns = atomic_load(&child->page->turns);
	bool stood_still = turns == child->seen_turns;

	if (since != 0 && since < a->woken_ms)
		since = a->woken_ms;
	child->seen_turns = turns;
	child->messages = 0;
	if (since == 0 && stood_still) {
		stop_looking(child);
	} else if (since != 0 && since <= a->now_ms && a->now_ms - since >= child->timeout_ms) {
		child->look_ms = CLOCK_NEVER;
		arbiter_step(a, child->slot, EVENT_HUNG);
	} else {
		look_later(child, since != 0 && since <= a->now_ms ? since : a->now_ms);
	}
}

static bool is_looked_at(const struct child *child)
{
	return child->page != NULL || child->outsider;
}

void gossip_look(struct arbiter *a)
{
	for (unsigned i = 0; i < ARBITER_CHILDREN; i++) {
		struct child *child = &a->children[i];

		if (!is_looked_at(child) || child->look_ms > a->now_ms)
			continue;
		if (child->outsider)
			outsider_missed(child);
		else
			look_at(a, child);
	}
}

uint64_t gossip_deadline(const struct arbiter *a)
{
	uint64_t nearest = CLOCK_NEVER;

	for (unsigned i = 0; i < ARBITER_CHILDREN; i++) {
		const struct child *child = &a->children[i];

		if (is_looked_at(child) && child->look_ms < nearest)
			nearest = child->look_ms;
	}
	return nearest;
}
