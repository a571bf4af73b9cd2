#include <string.h>

#include "base/clock.h"
#include "init/program.h"
#include "init/status_facts.h"
#include "init/status_report.h"

#define ROW_MAX 512	 /* bytes, at the most: see REQUEST_SHOWN */
#define REQUEST_SHOWN 72 /* bytes of the request in hand, before they are escaped */

static const char *const upgrade_meanings[UPGRADES] = {
#define UPGRADE_STATE(name, meaning) [UPGRADE_##name] = (meaning),
#include "init/upgrade_states.def"
#undef UPGRADE_STATE
};

static void add_label(struct text *text, const char *label)
{
	text_printf(text, "  %-13s ", label);
}

static void add_name(struct text *text, const char *name)
{
	if (name == NULL || name[0] == '\0')
		text_add(text, "unknown");
	else
		text_add_escaped(text, name, strnlen(name, STATUS_NAME_MAX), false);
}

static void add_line(struct text *text, const char *label, const char *name)
{
	add_label(text, label);
	add_name(text, name);
	text_add_char(text, '\n');
}

static void add_age(struct text *text, uint64_t ms)
{
	unsigned long long s = ms / 1000;

	if (s < 60)
		text_printf(text, "%llu.%llus", s, (unsigned long long)ms % 1000 / 100);
	else if (s < 3600)
		text_printf(text, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		text_printf(text, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		text_printf(text, "%llud%02lluh", s / 86400, s / 3600 % 24);
}

static void add_head(const struct arbiter *a, pid_t pid, struct text *text)
{
	text_printf(text, "narwhal %s, pid %d, up ", NARWHAL_VERSION, (int)pid);
	add_age(text, status_age(a, a->born_ms));
	text_printf(text, ": %s\n", status_state(a));
	add_line(text, "image", a->upgrade.own.path);
	add_line(text, "build id", a->upgrade.own.build);
}

static void add_time_left(const struct arbiter *a, struct text *text)
{
	uint64_t end_ms = a->upgrade.deadline_ms;

	if (end_ms != CLOCK_NEVER) {
		text_add(text, "; at the most ");
		add_age(text, end_ms > a->now_ms ? end_ms - a->now_ms : 0);
		text_add(text, " more");
	} else if (a->upgrade.state == UPGRADE_HELD) {
		text_add(text, ": by narwhal commit, or narwhal rollback");
	}
}

static void add_upgrade(const struct arbiter *a, struct text *text)
{
	const struct upgrade *u = &a->upgrade;
	const char *failure = status_failure(a);

	if (u->state != UPGRADE_NONE) {
		add_label(text, "upgrade");
		text_printf(text, "%s: %s", upgrade_state_name(u->state),
			upgrade_meanings[u->state]);
		add_time_left(a, text);
		text_add_char(text, '\n');
	}
	if (failure != NULL) {
		add_label(text, "last upgrade");
		text_add(text, "asked for ");
		add_age(text, status_age(a, u->begun_ms));
		text_add(text, " ago, came to nothing");
		if (u->failed_in != UPGRADE_NONE)
			text_printf(text, " in %s", upgrade_state_name(u->failed_in));
		text_add(text, ": ");
		add_name(text, failure);
		text_add_char(text, '\n');
	}
}

static void add_way_back(const struct arbiter *a, struct text *text)
{
	const struct image_hold *back = status_way_back(a);

	add_label(text, "rolls back to");
	if (back == NULL) {
		text_add(text, "nothing\n");
		return;
	}
	add_name(text, back->path);
	text_add(text, ", version ");
	add_name(text, back->version);
	text_add(text, ", build id ");
	add_name(text, back->build);
	text_add_char(text, '\n');
}

static void add_generations(const struct arbiter *a, struct text *text)
{
	uint64_t candidate = a->wish.candidate.generation;

	add_label(text, "generation");
	text_add_uint(text, a->wish.crew.generation);
	if (candidate != 0)
		text_printf(text, ", to be replaced by %llu", (unsigned long long)candidate);
	text_add_char(text, '\n');
}

static void add_listeners(const struct arbiter *a, struct text *text)
{
	const struct listener_set *set = &a->current->listeners;

	for (size_t i = 0; i < set->count; i++) {
		const struct listener *listener = &set->item[i];

		add_label(text, i == 0 ? "listeners" : "");
		text_add_escaped(text, listener->address.text, strlen(listener->address.text),
			false);
		text_add(text, listener->tls ? ", TLS" : "");
		text_add(text, listener->gated ? ", takes nobody any more\n" : "\n");
	}
}

/* "0.4s GET /x": what it does now, if it does. */
static void add_in_hand(const struct status_child *child, struct text *text)
{
	size_t size = strnlen(child->request, REQUEST_SHOWN);

	if (!child->is_busy)
		return;
	add_age(text, child->busy_ms);
	text_add_char(text, ' ');
	text_add_escaped(text, child->request, size, false);
	text_add(text, child->request[size] != '\0' ? "..." : "");
}

static void add_child(const struct status_child *child, struct text *text)
{
	char who[16], pid[16], age[32], in_hand[4 * REQUEST_SHOWN + 64];
	struct text who_text = TEXT_OVER(who), pid_text = TEXT_OVER(pid);
	struct text age_text = TEXT_OVER(age), in_hand_text = TEXT_OVER(in_hand);

	if (child->is_worker)
		text_add_uint(&who_text, child->slot);
	else
		text_add(&who_text, child->role);
	text_add_int(&pid_text, child->pid);
	add_age(&age_text, child->age_ms);
	add_in_hand(child, &in_hand_text);
	text_printf(text, "  %-9s  %7s  %10llu  %-8s  %7s", who, child->pid != 0 ? pid : "-",
		(unsigned long long)child->generation, child->state, age);
	if (child->has_page)
		text_printf(text, "  %11llu  %12llu", (unsigned long long)child->connections,
			(unsigned long long)child->requests);
	text_printf(text, in_hand[0] != '\0' ? "  %s\n" : "\n", in_hand);
}

static void add_children(const struct arbiter *a, struct text *text)
{
	struct status_child child;
	unsigned left_out = 0;

	text_printf(text, "  %-9s  %7s  %10s  %-8s  %7s  %11s  %12s  %s\n", "SLOT", "PID",
		"GENERATION", "STATE", "AGE", "CONNECTIONS", "REQUESTS", "IN HAND");
	for (unsigned i = 0; i < roster_whole(&a->roster); i++) {
		if (!status_read_child(a, i, &child))
			continue;
		if (text->size - text->used < 2 * ROW_MAX)
			left_out++;
		else
			add_child(&child, text);
	}
	if (left_out > 0)
		text_printf(text, "  and %u more, for whom there is no room here\n", left_out);
}

static void add_service(const struct arbiter *a, struct text *text)
{
	add_line(text, "app", a->current->config.app);
	add_listeners(a, text);
	add_label(text, "workers");
	text_printf(text, "%u serve, %u are wished for\n", status_serving(a), a->wish.crew.workers);
	text_add_char(text, '\n');
	add_children(a, text);
}

static void add_program(const struct arbiter *a, struct text *text)
{
	add_label(text, "program");
	if (a->program->forward.pid >= 0)
		text_printf(text, "pid %d\n", (int)a->program->forward.pid);
	else
		text_add(text, "has ended\n");
}

void status_text(const struct arbiter *a, pid_t pid, struct text *text)
{
	add_head(a, pid, text);
	if (a->program == NULL)
		add_generations(a, text);
	add_upgrade(a, text);
	add_way_back(a, text);
	if (a->program == NULL)
		add_service(a, text);
	else
		add_program(a, text);
}
