#include "init/reap.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "init/demise.h"
#include "init/gossip.h"
#include "init/herald.h"
#include "init/introduction.h"
#include "init/outsider.h"
#include "init/sentry.h"
#include "init/spawn.h"
#include "init/stack.h"
#include "init/trial.h"
#include "init/warden.h"

#define REAPS_AT_ONCE 256
#define STACK_LINES_MAX 400
#define STACK_BRIEF_MAX 1024
#define RETRY_MS 10

struct obituary {
	unsigned slot;
	bool signalled;
	int status; /* of its exit, or the signal's number */
	enum cause cause;
};

/* One that was told to leave may die of something else all the same. */
static bool is_true(const struct slot *slot, const struct obituary *obituary)
{
	if (slot->cause != CAUSE_RETIRED || !obituary->signalled)
		return slot->cause != CAUSE_NONE;
	return obituary->status == SIGTERM || obituary->status == SIGQUIT ||
	       (obituary->status == SIGKILL && slot->state == STATE_DOOMED);
}

static enum cause signal_cause(struct arbiter *a, int number)
{
	if (number == SIGSYS)
		return CAUSE_SANDBOX;
	return number == SIGKILL && oom_explains(&a->oom, a->now_ms) ? CAUSE_OOM : CAUSE_SIGNAL;
}

static enum cause true_cause(struct arbiter *a, const struct obituary *obituary)
{
	const struct slot *slot = &a->roster.slots[obituary->slot];
	/* A program's statuses are its own. */
	bool told_why = !a->children[obituary->slot].executed &&
			(obituary->status == EXIT_USAGE || obituary->status == EXIT_BOOT ||
				obituary->status == EXIT_APP);

	if (is_true(slot, obituary))
		return slot->cause;
	if (obituary->signalled)
		return signal_cause(a, obituary->status);
	return slot->served_ms == 0 && told_why ? CAUSE_BOOT_FAILED : CAUSE_EXIT;
}

/* A worker that could not boot has said so itself, as an error. */
static enum log_level obituary_level(enum cause cause)
{
	return cause == CAUSE_RETIRED || cause == CAUSE_BOOT_FAILED ? LOG_INFO : LOG_WARNING;
}

static bool is_worker(const struct arbiter *a, unsigned index)
{
	return index < a->roster.size;
}

/*
 * Where each thread of a WSGI app was, as its worker has left it in the file of its page: line by
 * line to the log, and in short for the obituary.
 */
static void tell_stacks(struct arbiter *a, unsigned slot, struct text *brief)
{
	char bytes[PAGE_STACKS_SIZE + 1];
	ssize_t size = pread(a->children[slot].page_fd, bytes, PAGE_STACKS_SIZE, PAGE_STACKS_AT);
	char *line, *rest = bytes;

	bytes[size > 0 ? size : 0] = '\0';
	stack_tell(bytes, strlen(bytes), brief);
	for (unsigned n = 0; n < STACK_LINES_MAX && (line = strsep(&rest, "\n")) != NULL; n++) {
		if (*line != '\0')
			log_warning(&a->log, "worker_stack", arbiter_who(a, slot),
				log_int("pid", a->roster.slots[slot].pid),
				log_string("line", line));
	}
}

static void write_obituary(struct arbiter *a, const struct obituary *o)
{
	const struct slot *slot = &a->roster.slots[o->slot];
	const struct page *page = a->children[o->slot].page;
	uint64_t since = page != NULL ? page_busy_since(page) : 0;
	char request[PAGE_REQUEST_MAX] = "", signal_name[16] = "SIG";
	struct log_field fields[13];
	char bytes[STACK_BRIEF_MAX];
	struct text stacks = TEXT_OVER(bytes);
	size_t n = 0;

	if (o->signalled && !a->children[o->slot].outsider)
		tell_stacks(a, o->slot, &stacks);
	fields[n++] = arbiter_who(a, o->slot);
	fields[n++] = log_int("pid", slot->pid);
	fields[n++] = log_uint("generation", slot->generation);
	fields[n++] = log_string("cause", roster_cause_name(o->cause));
	if (o->signalled) {
		const char *name = sigabbrev_np(o->status);

		(void)strncat(signal_name, name != NULL ? name : "RT", sizeof(signal_name) - 4);
		fields[n++] = log_string("signal", signal_name);
	} else {
		fields[n++] = log_int("status", o->status);
	}
	fields[n++] = log_uint("uptime_ms", a->now_ms - slot->born_ms);
	if (!a->children[o->slot].outsider) /* nobody counts those of a program */
		fields[n++] = log_uint("requests", page != NULL ? atomic_load(&page->requests) : 0);
	if (page != NULL)
		page_copy_oldest(page, request);
	if (request[0] != '\0') {
		fields[n++] = log_string("request", request);
		fields[n++] = log_uint("request_ms", since < a->now_ms ? a->now_ms - since : 0);
	}
	if (stacks.used != 0)
		fields[n++] = log_string("python", bytes);
	fields[n] = (struct log_field){.kind = LOG_FIELD_END};
	log_write(&a->log, obituary_level(o->cause),
		is_worker(a, o->slot) ? "worker_exit" : "attendant_exit", fields);
	if (is_worker(a, o->slot))
		herald_buried(a, o->slot, roster_cause_name(o->cause), o->status,
			o->signalled ? signal_name : NULL);
}

static void tally(struct arbiter *a, const struct page *page, const struct obituary *obituary)
{
	a->exits[obituary->cause]++;
	a->killed += obituary->signalled && obituary->status == SIGKILL;
	if (page == NULL)
		return;
	tally_add_page(&a->tally, page);
	a->requests += atomic_load(&page->requests);
	a->dropped += atomic_load(&page->connections);
}

static void bury(struct arbiter *a, unsigned index, const siginfo_t *info)
{
	struct slot *slot = &a->roster.slots[index];
	struct child *child = &a->children[index];
	struct obituary obituary = {
		.slot = index,
		.signalled = info->si_code != CLD_EXITED,
		.status = info->si_status,
	};

	if (child->watch.fd >= 0)
		gossip_read(&child->watch, 0); /* its last words came before its end */
	obituary.cause = true_cause(a, &obituary);
	if (obituary.signalled && obituary.status == SIGSYS)
		warden_tell_unknown(child);
	write_obituary(a, &obituary);
	if (is_worker(a, index))
		tally(a, child->page, &obituary);
	introduction_forget(a, index);
	outsider_clear(child, slot->pid, obituary.signalled);
	upgrade_mourn(a, index, obituary.cause);
	spawn_forget(child);
	slot->killed = obituary.cause == CAUSE_SIGNAL && obituary.status == SIGKILL;
	arbiter_step(a, index, EVENT_EXITED);
	if (backoff_is_loop(&slot->backoff))
		arbiter_give_up_boot(a, index, "dies in every boot");
}

/* A hook, or an orphan. An OOM kill that was its own shall explain no worker's death. */
static void bury_other(struct arbiter *a, const siginfo_t *info)
{
	bool killed = info->si_code != CLD_EXITED && info->si_status == SIGKILL;
	bool oom = killed && oom_explains(&a->oom, a->now_ms);

	if (scribe_reap(a, info) || trial_reap(a, info) || sentry_reap(a, info))
		return;
	if (hooks_reap(&a->herald.hooks, info, oom ? "oom" : NULL, a->now_ms))
		return;
	a->tally.orphans++;
	log_debug(&a->log, "orphan_reaped", log_int("pid", info->si_pid),
		log_int("status", info->si_status), log_string("cause", oom ? "oom" : "-"));
}

static bool is_alive(const siginfo_t *info)
{
	return info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED;
}

/* Of a hook or an orphan that is nobody's business. */
static void note_pause(struct arbiter *a, int slot, const siginfo_t *info)
{
	if (slot >= 0)
		gossip_stopped(&a->children[slot], info->si_code == CLD_STOPPED);
}

/* False: there is no more news of anybody, or it is not to be known now. */
static bool reap_one(struct arbiter *a)
{
	siginfo_t info = {0};
	int slot;

	/* __WALL: an orphan that was made by clone(2) with another exit signal, too. */
	if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | __WALL) != 0) {
		if (errno != ECHILD)
			a->reap_ms = a->now_ms + RETRY_MS;
		return false;
	}
	if (info.si_pid == 0)
		return false;
	if (demise_is_trap(&info))
		return true;
	slot = roster_find(&a->roster, info.si_pid);
	if (is_alive(&info))
		note_pause(a, slot, &info);
	else if (slot >= 0)
		bury(a, (unsigned)slot, &info);
	else
		bury_other(a, &info);
	return true;
}

void reap_all(struct arbiter *a)
{
	a->reap_ms = CLOCK_NEVER;
	for (int i = 0; i < REAPS_AT_ONCE; i++) {
		if (!reap_one(a))
			return;
	}
	a->reap_ms = a->now_ms; /* others have their turn; SIGCHLD may not come again */
}
