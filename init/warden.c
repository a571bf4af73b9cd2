#include "init/warden.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "init/gossip.h"
#include "init/spawn.h"
#include "seccomp/calls.h"
#include "seccomp/filter.h"
#include "seccomp/notifier.h"

#define ARGUMENTS_TOLD 3

static const struct slot *slot_of(const struct child *child)
{
	return &child->arbiter->roster.slots[child->slot];
}

/* What the kernel found in the registers; rules of filters seldom look at more than these. */
static void add_arguments(struct text *text, const struct petition *petition)
{
	for (size_t i = 0; i < ARGUMENTS_TOLD; i++)
		text_printf(text, "%s0x%llx", i != 0 ? "," : "",
			(unsigned long long)petition->argument[i]);
}

/* By its name alone a strict worker does not get all of some calls. */
static bool is_forbidden(const struct child *child, const struct petition *petition)
{
	const struct settings *settings =
		&spawn_generation(child->arbiter, child->slot)->config.settings;
	char bytes[64];
	struct text name = TEXT_OVER(bytes);

	calls_add_name(petition->arch, petition->number, &name);
	return settings->sandbox == SANDBOX_STRICT &&
	       !calls_gives(bytes, petition->argument, slot_of(child)->pid);
}

static void add_remedy(struct text *text, const char *name, bool forbidden)
{
	if (forbidden)
		text_add(text, "sandbox = app");
	else
		text_printf(text, "sandbox_allow = %s", name);
}

/* What all lines of this kind begin with: who, and at which request. */
static size_t add_worker(struct child *child, struct log_field *fields,
	char request[PAGE_REQUEST_MAX])
{
	const struct slot *slot = slot_of(child);
	size_t n = 0;

	fields[n++] = arbiter_who(child->arbiter, child->slot);
	fields[n++] = log_int("pid", slot->pid);
	fields[n++] = log_uint("generation", slot->generation);
	request[0] = '\0';
	if (child->page != NULL) /* an image that went back to itself may have lost it */
		page_copy_request(child->page, request);
	if (request[0] != '\0')
		fields[n++] = log_string("request", request);
	return n;
}

static void tell(struct child *child, const struct petition *petition)
{
	char request[PAGE_REQUEST_MAX], argument_bytes[64], name_bytes[64], allow_bytes[96];
	struct text arguments = TEXT_OVER(argument_bytes), name = TEXT_OVER(name_bytes);
	struct text allow = TEXT_OVER(allow_bytes);
	struct log_field fields[14];
	size_t n = add_worker(child, fields, request);

	add_arguments(&arguments, petition);
	calls_add_name(petition->arch, petition->number, &name);
	if (petition->pid != slot_of(child)->pid) /* a thread, or a program that it started */
		fields[n++] = log_int("caller", petition->pid);
	fields[n++] = log_string("call", name.used != 0 ? name_bytes : "unknown");
	fields[n++] = log_int("number", petition->number);
	fields[n++] = log_string("arch", notifier_arch_name(petition));
	fields[n++] = log_string("arguments", argument_bytes);
	fields[n++] = log_string("action", child->logs_only ? "log" : "kill");
	if (name.used != 0) {
		add_remedy(&allow, name_bytes, is_forbidden(child, petition));
		if (calls_danger(name_bytes) != NULL)
			fields[n++] = log_string("danger", calls_danger(name_bytes));
		fields[n++] = log_string("allow", allow_bytes);
	}
	fields[n] = (struct log_field){.kind = LOG_FIELD_END};
	log_write(&child->arbiter->log, LOG_WARNING, "sandbox_violation", fields);
}

void warden_tell_unknown(struct child *child)
{
	char request[PAGE_REQUEST_MAX];
	struct log_field fields[8];
	size_t n = add_worker(child, fields, request);

	child->arbiter->tally.violations++;
	fields[n++] = log_string("call", "unknown");
	fields[n++] = log_string("action", "kill");
	fields[n++] = log_string("reason",
		child->confined ? "a call of another architecture (i386, x32), a filter that is "
				  "not narwhal's, or a SIGSYS that somebody sent"
				: "the kernel names no call here: run it with sandbox_mode = log "
				  "where seccomp can notify (Linux 5.7), or see the kernel's log");
	fields[n] = (struct log_field){.kind = LOG_FIELD_END};
	log_write(&child->arbiter->log, LOG_WARNING, "sandbox_violation", fields);
}

/* kill(2) takes a thread's id for its process; while the petition is open, it is nobody else's. */
static void kill_caller(struct child *child, const struct petition *petition)
{
	if (petition->pid > 1 && notifier_is_open(child->notifier.fd, petition))
		(void)kill(petition->pid, SIGKILL);
}

/*
 * First the deadly signals, then the end of the notifier: nobody comes back from a call that fails
 * now. The worker's comes before its program's, whose end it may wait for, to answer. What other
 * threads ask at the same time is not told of: the first one has said it.
 */
static void punish(struct child *child, const struct petition *petition)
{
	arbiter_step(child->arbiter, child->slot, EVENT_BREACHED);
	kill_caller(child, petition);
	warden_drop(child);
}

static void tolerate(struct child *child, const struct petition *petition)
{
	struct arbiter *a = child->arbiter;
	int error;

	if (is_forbidden(child, petition))
		violations_forbid(&a->violations, petition->number);
	if (violations_add(&a->violations, slot_of(child)->generation, petition->number))
		tell(child, petition);
	error = notifier_continue(child->notifier.fd, petition);
	if (error == 0)
		return;
	log_error(&a->log, "sandbox_log_refused", arbiter_who(a, child->slot),
		log_errno("error", error));
	punish(child, petition);
}

/* Level-triggered: what is left is told again, after others had their turn. */
static void hear_petition(struct watch *watch, uint32_t events)
{
	struct child *child = CONTAINER_OF(watch, struct child, notifier);
	struct petition petition;
	int outcome;

	if ((events & EPOLLIN) == 0) {
		warden_drop(child); /* nobody with that filter is left */
		return;
	}
	outcome = notifier_receive(watch->fd, &petition);
	child->arbiter->tally.violations += outcome > 0;
	if (outcome < 0) {
		gossip_distrust(child, outcome);
		warden_drop(child);
	} else if (outcome > 0 && child->logs_only) {
		tolerate(child, &petition);
	} else if (outcome > 0) {
		tell(child, &petition);
		punish(child, &petition);
	}
}

int warden_accept(struct child *child, int *fd)
{
	int error = child->confined || *fd < 0 ? -EPROTO : notifier_check(*fd);

	if (error != 0)
		return error;
	child->notifier.fd = *fd;
	*fd = -1;
	child->confined = true;
	return warden_watch(child);
}

int warden_watch(struct child *child)
{
	if (child->notifier.fd < 0)
		return 0;
	child->notifier.ready = hear_petition;
	return loop_add(&child->arbiter->loop, &child->notifier, EPOLLIN);
}

void warden_drop(struct child *child)
{
	if (child->notifier.fd < 0)
		return;
	loop_drop(&child->arbiter->loop, &child->notifier);
	fd_close(&child->notifier.fd);
}
