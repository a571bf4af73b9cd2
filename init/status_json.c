#include <string.h>

#include "base/clock.h"
#include "init/program.h"
#include "init/status_facts.h"
#include "init/status_report.h"

#define ROW_MAX 2048 /* bytes, at the most, of one child: its request is of six for each byte */

/* A comma, unless this is the first one here. */
static void add_comma(struct text *text)
{
	char last = text->used > 0 ? text->bytes[text->used - 1] : '{';

	if (last != '{' && last != '[')
		text_add_char(text, ',');
}

static void add_key(struct text *text, const char *key)
{
	add_comma(text);
	text_printf(text, "\"%s\":", key);
}

/* NULL and "" are null. */
static void add_string(struct text *text, const char *key, const char *value)
{
	add_key(text, key);
	if (value == NULL || value[0] == '\0') {
		text_add(text, "null");
		return;
	}
	text_add_char(text, '"');
	text_add_escaped(text, value, strnlen(value, STATUS_NAME_MAX), true);
	text_add_char(text, '"');
}

static void add_number(struct text *text, const char *key, uint64_t value)
{
	add_key(text, key);
	text_add_uint(text, value);
}

/* 0 is null: no generation and no process has that number. */
static void add_id(struct text *text, const char *key, uint64_t value)
{
	add_key(text, key);
	if (value == 0)
		text_add(text, "null");
	else
		text_add_uint(text, value);
}

static void add_switch(struct text *text, const char *key, bool value)
{
	add_key(text, key);
	text_add(text, value ? "true" : "false");
}

static void add_null(struct text *text, const char *key)
{
	add_key(text, key);
	text_add(text, "null");
}

static void begin(struct text *text, const char *key, char bracket)
{
	add_key(text, key);
	text_add_char(text, bracket);
}

static void add_upgrade(const struct arbiter *a, struct text *text)
{
	const struct upgrade *u = &a->upgrade;
	bool is_timed = u->deadline_ms != CLOCK_NEVER;

	if (u->state == UPGRADE_NONE) {
		add_null(text, "upgrade");
		return;
	}
	begin(text, "upgrade", '{');
	add_string(text, "step", upgrade_state_name(u->state));
	add_switch(text, "hold", u->hold);
	add_number(text, "age_ms", status_age(a, u->begun_ms));
	if (!is_timed)
		add_null(text, "left_ms");
	else
		add_number(text, "left_ms",
			u->deadline_ms > a->now_ms ? u->deadline_ms - a->now_ms : 0);
	text_add_char(text, '}');
}

static void add_failure(const struct arbiter *a, struct text *text)
{
	const char *failure = status_failure(a);

	if (failure == NULL) {
		add_null(text, "last_failure");
		return;
	}
	begin(text, "last_failure", '{');
	add_string(text, "step",
		a->upgrade.failed_in != UPGRADE_NONE ? upgrade_state_name(a->upgrade.failed_in)
						     : NULL);
	add_string(text, "reason", failure);
	add_number(text, "age_ms", status_age(a, a->upgrade.begun_ms));
	text_add_char(text, '}');
}

static void add_image(struct text *text, const char *key, const struct image_hold *image)
{
	if (image == NULL) {
		add_null(text, key);
		return;
	}
	begin(text, key, '{');
	add_string(text, "path", image->path);
	add_string(text, "version", image->version);
	add_string(text, "build_id", image->build);
	text_add_char(text, '}');
}

static void add_listeners(const struct arbiter *a, struct text *text)
{
	const struct listener_set *set = &a->current->listeners;

	begin(text, "listeners", '[');
	for (size_t i = 0; i < set->count; i++) {
		add_comma(text);
		text_add_char(text, '{');
		add_string(text, "address", set->item[i].address.text);
		add_switch(text, "tls", set->item[i].tls);
		add_switch(text, "gated", set->item[i].gated);
		text_add_char(text, '}');
	}
	text_add_char(text, ']');
}

static void add_page(const struct status_child *child, struct text *text)
{
	add_number(text, "connections", child->connections);
	add_number(text, "accepted", child->accepted);
	add_number(text, "requests", child->requests);
	if (!child->is_busy)
		return;
	add_number(text, "busy_ms", child->busy_ms);
	add_string(text, "request", child->request);
}

static void add_child(const struct status_child *child, struct text *text)
{
	add_comma(text);
	text_add_char(text, '{');
	if (child->is_worker)
		add_number(text, "slot", child->slot);
	else
		add_string(text, "role", child->role);
	add_id(text, "pid", (uint64_t)child->pid);
	add_number(text, "generation", child->generation);
	add_string(text, "state", child->state);
	add_number(text, "age_ms", child->age_ms);
	if (child->has_page)
		add_page(child, text);
	text_add_char(text, '}');
}

/* Of the roster, from one slot to another: how many there was no room for. */
static unsigned add_children(const struct arbiter *a, unsigned from, unsigned to, struct text *text)
{
	struct status_child child;
	unsigned left_out = 0;

	for (unsigned i = from; i < to; i++) {
		if (!status_read_child(a, i, &child))
			continue;
		if (text->size - text->used < 2 * ROW_MAX)
			left_out++;
		else
			add_child(&child, text);
	}
	return left_out;
}

static void add_roster(const struct arbiter *a, struct text *text)
{
	unsigned left_out;

	begin(text, "attendants", '[');
	left_out = add_children(a, a->roster.size, roster_whole(&a->roster), text);
	text_add_char(text, ']');
	begin(text, "workers", '[');
	left_out += add_children(a, 0, a->roster.size, text);
	text_add_char(text, ']');
	add_number(text, "left_out", left_out);
}

static void add_service(const struct arbiter *a, struct text *text)
{
	add_id(text, "generation", a->wish.crew.generation);
	add_id(text, "candidate", a->wish.candidate.generation);
	add_string(text, "app", a->current->config.app);
	add_listeners(a, text);
	add_number(text, "serving", status_serving(a));
	add_number(text, "wished", a->wish.crew.workers);
	add_roster(a, text);
}

static void add_program(const struct arbiter *a, struct text *text)
{
	pid_t pid = a->program->forward.pid;

	begin(text, "program", '{');
	add_id(text, "pid", pid > 0 ? (uint64_t)pid : 0);
	text_add_char(text, '}');
}

void status_json(const struct arbiter *a, pid_t pid, struct text *text)
{
	text_add_char(text, '{');
	add_number(text, "pid", (uint64_t)pid);
	add_number(text, "uptime_ms", status_age(a, a->born_ms));
	add_string(text, "state", status_state(a));
	add_image(text, "image", &a->upgrade.own);
	add_upgrade(a, text);
	add_image(text, "rolls_back_to", status_way_back(a));
	add_failure(a, text);
	if (a->program == NULL)
		add_service(a, text);
	else
		add_program(a, text);
	text_add(text, "}\n");
}
