#include "init/outsider.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/words.h"
#include "init/demise.h"
#include "init/inherit.h"
#include "init/noticeboard.h"
#include "init/placeholders.h"
#include "init/sentry.h"
#include "init/spawn.h"

#define STATUS_MAX 256
#define NAMES_MAX (HERITAGE_LISTENERS * 64)

bool outsider_is_wished(const struct generation *generation)
{
	return words_are_program(generation->config.app);
}

/* What it is born with. */

static unsigned first_port(const struct listener_set *listeners)
{
	unsigned port = 0;

	for (size_t i = 0; port == 0 && i < listeners->count; i++)
		port = address_port(&listeners->item[i].address);
	return port;
}

int outsider_check(const struct generation *generation, struct text *why)
{
	const char *app = generation->config.app;

	if (!outsider_is_wished(generation) || !placeholders_has(app, PLACEHOLDER_port) ||
		first_port(&generation->listeners) != 0)
		return 0;
	text_add(why, "{port} stands in the words of the program, and no address of bind has one: "
		      "{fd} is what it can listen on");
	return -EINVAL;
}

void outsider_add_app(const struct generation *generation, unsigned slot, struct text *text)
{
	const uint64_t values[PLACEHOLDERS] = {
		[PLACEHOLDER_fd] = INHERIT_FIRST,
		[PLACEHOLDER_port] = first_port(&generation->listeners),
		[PLACEHOLDER_slot] = slot,
		[PLACEHOLDER_generation] = generation->number,
	};

	placeholders_fill(generation->config.app, values, text);
}

/* Names have no colon (sd_listen_fds(3)): a port's number, or the last part of a socket's path. */
static void add_name(const struct address *address, struct text *names)
{
	const char *slash = strrchr(address->text, '/');
	const char *name = slash != NULL ? slash + 1 : address->text;

	if (names->used != 0)
		text_add_char(names, ':');
	if (address_port(address) != 0) {
		text_add_uint(names, address_port(address));
		return;
	}
	for (; *name != '\0'; name++)
		text_add_char(names, isgraph((unsigned char)*name) && *name != ':' ? *name : '_');
}

static int set_number(const char *name, uint64_t value)
{
	char bytes[24];
	struct text text = TEXT_OVER(bytes);

	text_add_uint(&text, value);
	return setenv(name, bytes, 1) == 0 ? 0 : -errno;
}

static int set_listeners(const struct listener_set *listeners)
{
	char bytes[NAMES_MAX];
	struct text names = TEXT_OVER(bytes);
	int error = set_number("LISTEN_FDS", listeners->count);

	for (size_t i = 0; i < listeners->count; i++)
		add_name(&listeners->item[i].address, &names);
	if (error == 0)
		error = set_number("LISTEN_PID", (uint64_t)getpid());
	if (error == 0 && setenv("LISTEN_FDNAMES", bytes, 1) != 0)
		error = -errno;
	return error;
}

static int set_watchdog(uint64_t timeout_ms)
{
	int error = timeout_ms != 0 ? set_number("WATCHDOG_USEC", timeout_ms * 1000) : 0;

	return error == 0 && timeout_ms != 0 ? set_number("WATCHDOG_PID", (uint64_t)getpid())
					     : error;
}

int outsider_set_environment(const struct arbiter *a, const struct generation *generation)
{
	char bytes[128];
	struct text name = TEXT_OVER(bytes);
	int error = noticeboard_name(a, &name);

	if (error == 0 && setenv("NOTIFY_SOCKET", bytes, 1) != 0)
		error = -errno;
	if (error == 0)
		error = set_watchdog(generation->config.settings.timeout);
	return error == 0 ? set_listeners(&generation->listeners) : error;
}

/* What it does. */

static struct slot *slot_of(const struct child *child)
{
	return &child->arbiter->roster.slots[child->slot];
}

void outsider_ready(struct child *child)
{
	struct arbiter *a = child->arbiter;
	const struct slot *slot = slot_of(child);
	enum log_level level =
		a->ready_ms != 0 && slot->born_ms >= a->ready_ms ? LOG_INFO : LOG_DEBUG;

	if (slot->state != STATE_BOOTING)
		return;
	sentry_end(child);
	arbiter_step(a, child->slot, EVENT_READY);
	log_at(&a->log, level, "worker_ready", log_uint("slot", child->slot),
		log_int("pid", slot->pid), log_uint("generation", slot->generation),
		log_uint("boot_ms", a->now_ms - slot->born_ms));
}

/* From here on it has neither channel nor page. */
static void note_exec(struct child *child)
{
	child->executed = true;
	spawn_hang_up(child);
	if (child->page != NULL)
		(void)munmap(child->page, sizeof(*child->page));
	child->page = NULL;
	fd_close(&child->page_fd);
}

bool outsider_began(struct child *child)
{
	const struct slot *slot = slot_of(child);

	if (!child->outsider || child->executed || slot->cause != CAUSE_NONE ||
		demise_has_begun(slot->pid))
		return false;
	note_exec(child);
	if (child->ready_by == EXEC_READY_START)
		outsider_ready(child);
	else if (child->ready_by == EXEC_READY_ACCEPT && slot->state == STATE_BOOTING)
		sentry_begin(child);
	return true;
}

static void hear_status(struct child *child, const struct notice_found *found)
{
	char bytes[STATUS_MAX];
	struct text text = TEXT_OVER(bytes);

	text_add_bytes(&text, found->value[NOTICE_STATUS],
		found->size[NOTICE_STATUS] < STATUS_MAX ? found->size[NOTICE_STATUS]
							: STATUS_MAX - 1);
	log_debug(&child->arbiter->log, "worker_status", log_uint("slot", child->slot),
		log_string("status", bytes));
}

/* READY=1 comes again after each RELOADING=1; it is one of a worker that boots that counts. */
static void hear_ready(struct child *child, const struct notice_found *found)
{
	(void)found;
	/* It may speak before its channel is seen to be closed, which then is no news any more. */
	if (!child->executed)
		note_exec(child);
	outsider_ready(child);
}

static void hear_beat(struct child *child, const struct notice_found *found)
{
	(void)found;
	if (child->timeout_ms != 0)
		child->look_ms = child->arbiter->now_ms + child->timeout_ms;
}

static void hear_trigger(struct child *child, const struct notice_found *found)
{
	(void)found;
	arbiter_step(child->arbiter, child->slot, EVENT_HUNG);
}

static void hear_news(struct child *child, const struct notice_found *found)
{
	log_debug(&child->arbiter->log, "worker_notice", log_uint("slot", child->slot),
		log_int("reloading", found->said[NOTICE_RELOAD]),
		log_int("stopping", found->said[NOTICE_STOPPING]));
}

static void (*const hear[NOTICES])(struct child *, const struct notice_found *) = {
	[NOTICE_READY] = hear_ready,
	[NOTICE_BEAT] = hear_beat,
	[NOTICE_TRIGGER] = hear_trigger,
	[NOTICE_STATUS] = hear_status,
	[NOTICE_RELOAD] = hear_news,
	[NOTICE_STOPPING] = hear_news,
	[NOTICE_MAINPID] = hear_news,
};

void outsider_hear(struct child *child, const struct notice_found *found)
{
	for (enum notice i = 0; i < NOTICES; i++) {
		if (found->said[i])
			hear[i](child, found);
	}
}

void outsider_missed(struct child *child)
{
	struct arbiter *a = child->arbiter;

	child->look_ms = CLOCK_NEVER;
	/* How long it may boot is boot_timeout's to say. */
	if (slot_of(child)->state == STATE_BOOTING)
		child->look_ms = a->now_ms + child->timeout_ms;
	else if (a->now_ms - a->woken_ms < child->timeout_ms)
		child->look_ms = a->woken_ms + child->timeout_ms;
	else
		arbiter_step(a, child->slot, EVENT_HUNG);
}

/* What is wished of it. */

/*
 * SIGTERM ends its accepting, so it comes when nothing waits at what the reload has given up: for
 * as long as it would have had to finish.
 */
static bool has_leftover(const struct arbiter *a)
{
	if (a->now_ms - a->promoted_ms >= a->roster.limits.graceful_timeout)
		return false;
	for (unsigned i = 0; a->shelf.first != NULL && i < a->roster.size; i++) {
		const struct slot *slot = &a->roster.slots[i];

		if (a->children[i].outsider && roster_is_serving(slot) &&
			slot->generation < a->wish.crew.generation &&
			shelf_is_waiting(&a->shelf, slot->generation))
			return true;
	}
	return false;
}

void outsider_wish(struct arbiter *a)
{
	a->wish.empties_first = outsider_is_wished(a->current);
	a->wish.leftover = has_leftover(a);
}

/* What it is told. */

/* One that boots may have no handler yet, and would die of what shall tell it something. */
static bool hears_signals(const struct child *child)
{
	return child->outsider && child->executed && slot_of(child)->state >= STATE_SERVING;
}

static void forward_to(const struct child *child, const struct signalfd_siginfo *info)
{
	const union sigval value = {.sival_ptr = (void *)(uintptr_t)info->ssi_ptr};
	pid_t pid = slot_of(child)->pid;
	int number = (int)info->ssi_signo;
	/* kill(2) alone reaches a group; sigqueue(3) alone carries what came along. */
	int outcome = child->group ? kill(-pid, number) : sigqueue(pid, number, value);

	if (outcome != 0)
		log_warning(&child->arbiter->log, "signal_lost", log_uint("slot", child->slot),
			log_int("number", number), log_errno("error", errno));
}

void outsider_forward(struct arbiter *a, const struct signalfd_siginfo *info)
{
	/* Our own doing, or the kernel's to us, is nobody's message. */
	if (info->ssi_code > 0 || info->ssi_pid == (uint32_t)getpid())
		return;
	for (unsigned i = 0; i < a->roster.size; i++) {
		const struct child *child = &a->children[i];

		if (child->arbiter != NULL && hears_signals(child))
			forward_to(child, info);
	}
}

/*
 * What is left of its group is not kept: it might serve on for nobody. The number is not a
 * stranger's yet: the kernel gives pids in turn, and the group's own while it has a member.
 */
void outsider_clear(const struct child *child, pid_t pid, bool signalled)
{
	if (child->outsider && child->executed)
		(void)kill(-pid, signalled ? SIGKILL : SIGTERM);
}
