#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/line.h"
#include "init/heirloom_table.h"

struct thawing {
	struct arbiter *arbiter;
	struct text *why;
	uint64_t version;
	enum heirloom_record record; /* HEIRLOOM_RECORDS before the first */
	void *base;		     /* of it; NULL when it is passed over */
	uint64_t seen;		     /* bits, by its fields' order */
	bool met[HEIRLOOM_RECORDS];
};

static int refuse(struct thawing *t, const char *name, const char *wrong)
{
	text_printf(t->why, "heirloom: %s: %s", name, wrong);
	return -EINVAL;
}

/* Fields. */

static int read_number(struct thawing *t, const struct field *field, const char *value, void *at)
{
	uint64_t number;

	if (text_to_uint(value, strlen(value), heirloom_most(field->kind), &number) != 0)
		return refuse(t, field->name, "is not a number that it can be");
	if (field->kind == KIND_BOOL)
		*(bool *)at = number != 0;
	else if (field->size == sizeof(uint32_t))
		*(uint32_t *)at = (uint32_t)number;
	else
		*(uint64_t *)at = number;
	return 0;
}

/* 0 to 2 are nobody's: they stay what they are. */
static int read_fd(struct thawing *t, const struct field *field, const char *value, int *fd)
{
	*fd = -1;
	if (strcmp(value, "-") == 0)
		return 0;
	if (read_number(t, field, value, fd) != 0)
		return -EINVAL;
	if (*fd > STDERR_FILENO)
		return 0;
	*fd = -1;
	return refuse(t, field->name, "is no descriptor of the arbiter's");
}

static int read_name(struct thawing *t, const struct field *field, const char *value, unsigned *at)
{
	const char *name;

	for (unsigned i = 0; (name = heirloom_name(field->kind, i)) != NULL; i++) {
		if (strcmp(name, value) == 0) {
			*at = i;
			return 0;
		}
	}
	return refuse(t, field->name, "is an unknown name");
}

static int read_text(struct thawing *t, const struct field *field, const char *value, char *at)
{
	size_t size = strlen(value) + 1;

	if (size > field->size)
		return refuse(t, field->name, "is too long");
	memcpy(at, value, size);
	return 0;
}

static int read_string(const char *value, char **at)
{
	free(*at);
	*at = strdup(value);
	return *at != NULL ? 0 : -ENOMEM;
}

static int read_member(struct thawing *t, const struct field *field, const char *value)
{
	void *at = (char *)t->base + field->offset;

	switch (field->kind) {
	case KIND_U64:
	case KIND_U32:
	case KIND_INT:
	case KIND_BOOL:
		return read_number(t, field, value, at);
	case KIND_FD:
		return read_fd(t, field, value, at);
	case KIND_TEXT:
		return read_text(t, field, value, at);
	case KIND_STRING:
		return read_string(value, at);
	case KIND_STATE:
	case KIND_ROLE:
	case KIND_CAUSE:
	case KIND_PHASE:
	case KIND_HOOK:
	case KIND_UPGRADE:
		return read_name(t, field, value, at);
	}
	MUST(false);
	return 0;
}

/* `value` is "name value"; a setting of another release is nobody's here. */
static int read_setting(struct thawing *t, const char *value)
{
	struct generation *generation = t->base;
	size_t size = strcspn(value, " ");
	const struct setting *row = setting_named(value, size);
	char bytes[256];
	struct text reason = TEXT_OVER(bytes);
	int error;

	if (row == NULL || value[size] == '\0')
		return 0;
	error = setting_read(row, value + size + 1, false, &generation->config.settings, &reason);
	return error == 0 || error == -ENOMEM ? error : refuse(t, row->name, bytes);
}

static int read_field(struct thawing *t, const char *name, const char *value)
{
	uint64_t bit = 1;

	if (t->record == HEIRLOOM_generation && strcmp(name, "set") == 0)
		return read_setting(t, value);
	for (size_t i = 0; i < heirloom_field_count; i++) {
		const struct field *field = &heirloom_fields[i];

		if (field->record != t->record)
			continue;
		if (strcmp(field->name, name) == 0 && field->since <= t->version) {
			if ((t->seen & bit) != 0)
				return refuse(t, name, "is given twice");
			t->seen |= bit;
			return read_member(t, field, value);
		}
		bit <<= 1;
	}
	return refuse(t, name, "is an unknown name");
}

/* Records. */

/* What a record of that version must have: all but strings, which may be NULL. */
static int end_record(struct thawing *t)
{
	uint64_t bit = 1;

	for (size_t i = 0; t->base != NULL && i < heirloom_field_count; i++) {
		const struct field *field = &heirloom_fields[i];

		if (field->record != t->record)
			continue;
		if ((t->seen & bit) == 0 && field->kind != KIND_STRING &&
			field->since <= t->version)
			return refuse(t, field->name, "is missing");
		bit <<= 1;
	}
	return 0;
}

static enum heirloom_record record_named(const char *name)
{
	enum heirloom_record record = 0;

	while (record < HEIRLOOM_RECORDS && strcmp(heirloom_records[record].name, name) != 0)
		record++;
	return record;
}

/* Of a death it is the cause's name; one that this image does not know is passed over. */
static int read_index(struct thawing *t, const char *text, size_t *index)
{
	size_t most = heirloom_records[t->record].most;
	const char *name;
	uint64_t number;

	*index = 0;
	if (t->record == HEIRLOOM_death) {
		while ((name = heirloom_name(KIND_CAUSE, (unsigned)*index)) != NULL &&
			strcmp(name, text) != 0)
			++*index;
		return 0;
	}
	if (text_to_uint(text, strlen(text), most - 1, &number) != 0)
		return refuse(t, heirloom_records[t->record].name, "has no such number");
	*index = number;
	return 0;
}

/* `line` is "name index]". */
static int begin_record(struct thawing *t, char *line)
{
	char *index_text = strchr(line, ' '), *end = strchr(line, ']');
	size_t index;
	int error = end_record(t);

	if (error != 0)
		return error;
	if (index_text == NULL || end == NULL || end < index_text || end[1] != '\0')
		return refuse(t, line, "begins no record");
	*index_text++ = *end = '\0';
	t->record = record_named(line);
	if (t->record == HEIRLOOM_RECORDS)
		return refuse(t, line, "is an unknown record");
	if (heirloom_records[t->record].most == 1 && t->met[t->record])
		return refuse(t, line, "is given twice");
	error = read_index(t, index_text, &index);
	if (error != 0)
		return error;
	t->met[t->record] = true;
	t->seen = 0;
	t->base = index < heirloom_records[t->record].most
			  ? heirloom_make(t->arbiter, t->record, index)
			  : NULL;
	return t->base != NULL || t->record == HEIRLOOM_death
		       ? 0
		       : refuse(t, line, "is in the wrong place, or there is no memory");
}

static int read_line(struct thawing *t, char *line)
{
	char *value = strchr(line, ' ');

	if (line[0] == '[')
		return begin_record(t, line + 1);
	if (value == NULL)
		return refuse(t, line, "is a line without a value");
	*value++ = '\0';
	if (line_unescape(value) != 0)
		return refuse(t, line, "has an unknown escape");
	if (t->record == HEIRLOOM_RECORDS)
		return refuse(t, line, "stands in no record");
	return t->base != NULL ? read_field(t, line, value) : 0;
}

/* `bytes` is a copy with a NUL behind it, to be taken apart. */
static int read_lines(struct thawing *t, char *bytes, const char *end)
{
	while (bytes < end) {
		char *newline = strchr(bytes, '\n');
		int error;

		if (newline == NULL)
			return refuse(t, "text", "has a NUL byte");
		*newline = '\0';
		error = read_line(t, bytes);
		if (error != 0)
			return error;
		bytes = newline + 1;
	}
	return end_record(t);
}

/* The whole. */

static int check_process(struct thawing *t, size_t index)
{
	const struct slot *slot = &t->arbiter->roster.slots[index];
	const struct child *child = &t->arbiter->children[index];

	if ((slot->state == STATE_VACANT) != (slot->pid == 0))
		return refuse(t, "slot", "its state and its pid contradict each other");
	if ((slot->state == STATE_VACANT) != (child->arbiter == NULL))
		return refuse(t, "child", "its slot says something else");
	return 0;
}

/* Each that there must be, and none that there cannot be. */
static int check_records(struct thawing *t)
{
	for (enum heirloom_record record = 0; record < HEIRLOOM_RECORDS; record++) {
		const struct record *row = &heirloom_records[record];
		bool has = heirloom_has(t->arbiter, record);

		if (has && row->most == 1 && row->since <= t->version && !t->met[record])
			return refuse(t, row->name, "is missing");
		if (!has && t->met[record])
			return refuse(t, row->name, "is of the other mode");
	}
	return 0;
}

static int check_program(struct thawing *t)
{
	if (t->arbiter->program->forward.pid <= 0)
		return refuse(t, "program", "has no pid");
	return t->arbiter->current->number != 0 ? 0 : refuse(t, "generation", "has no number");
}

static int check_service(struct thawing *t)
{
	const struct arbiter *a = t->arbiter;
	const struct crew *crew = &a->wish.crew;
	int error = 0;

	if (a->current->number == 0 || crew->generation != a->current->number)
		return refuse(t, "generation", "is not the one that is wished for");
	if (crew->workers == 0 || crew->workers > ARBITER_WORKERS_MAX)
		return refuse(t, "workers", "is not a number that it can be");
	for (size_t i = 0; error == 0 && i < ARBITER_CHILDREN; i++)
		error = check_process(t, i);
	return error;
}

static int check_whole(struct thawing *t)
{
	int error;

	if (!t->met[HEIRLOOM_program])
		t->arbiter->program = NULL;
	error = check_records(t);
	if (error != 0)
		return error;
	return t->arbiter->program != NULL ? check_program(t) : check_service(t);
}

/* The last line; the rest is what it is the sum of. */
static int check_sum(struct thawing *t, const char *bytes, size_t size, size_t *rest)
{
	static const size_t word = sizeof(HEIRLOOM_SUM) - 1;
	const char *newline;
	uint64_t number;
	size_t at;

	if (size < 2 || bytes[size - 1] != '\n')
		return refuse(t, "text", "ends within a line");
	newline = memrchr(bytes, '\n', size - 1);
	at = newline != NULL ? (size_t)(newline - bytes) + 1 : 0;
	if (size - 1 - at <= word || memcmp(bytes + at, HEIRLOOM_SUM, word) != 0)
		return refuse(t, "sum", "is missing");
	if (text_to_uint(bytes + at + word, size - 1 - at - word, UINT64_MAX, &number) != 0 ||
		number != heirloom_sum(bytes, at))
		return refuse(t, "sum", "is wrong");
	*rest = at;
	return 0;
}

int heirloom_read_head(const char *bytes, size_t size, struct heirloom_head *head, struct text *why)
{
	static const size_t word = sizeof(HEIRLOOM_MAGIC " ") - 1;
	const char *end = memchr(bytes, '\n', size);
	const char *space = end != NULL && (size_t)(end - bytes) > word
				    ? memchr(bytes + word, ' ', (size_t)(end - bytes) - word)
				    : NULL;
	uint64_t fd = 0;

	*head = (struct heirloom_head){.back_fd = -1};
	if (space == NULL || memcmp(bytes, HEIRLOOM_MAGIC " ", word) != 0 ||
		text_to_uint(bytes + word, (size_t)(space - bytes) - word, UINT64_MAX,
			&head->version) != 0) {
		text_add(why, "heirloom: the first line is none");
		return -EINVAL;
	}
	space++;
	if (end - space == 1 && *space == '-')
		return 0;
	if (text_to_uint(space, (size_t)(end - space), INT32_MAX, &fd) != 0) {
		text_add(why, "heirloom: the first line names no descriptor");
		return -EINVAL;
	}
	head->back_fd = (int)fd;
	return 0;
}

static int check_version(uint64_t version, struct text *why)
{
	if (version >= HEIRLOOM_OLDEST && version <= HEIRLOOM_VERSION)
		return 0;
	text_printf(why, "heirloom: is of version %llu: this image reads %d to %d",
		(unsigned long long)version, HEIRLOOM_OLDEST, HEIRLOOM_VERSION);
	return -EINVAL;
}

int heirloom_thaw(struct arbiter *a, const char *bytes, size_t size, struct text *why)
{
	struct thawing t = {.arbiter = a, .why = why, .record = HEIRLOOM_RECORDS};
	struct heirloom_head head;
	size_t rest, first;
	char *copy;
	int error = heirloom_read_head(bytes, size, &head, why);

	if (error == 0)
		error = check_version(head.version, why);
	if (error == 0)
		error = check_sum(&t, bytes, size, &rest);
	if (error != 0)
		return error;
	t.version = head.version;
	copy = malloc(rest + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, bytes, rest);
	copy[rest] = '\0';
	first = strcspn(copy, "\n") + 1;
	error = read_lines(&t, copy + first, copy + rest);
	if (error == 0)
		error = check_whole(&t);
	/* With any number, so that generation_close() gives back what was read of it. */
	if (error != 0 && t.met[HEIRLOOM_generation])
		a->current->number = 1;
	free(copy);
	return error;
}
