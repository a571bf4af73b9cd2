#include "base/heritage.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/line.h"

enum kind {
	KIND_U64,
	KIND_FD,
	KIND_ID, /* of a user or a group; all bits set means "none" to the kernel */
	KIND_BOOL,
};

/* The lines with one number, each exactly once; beside them stand those of spares[] and texts[]. */
static const struct field {
	const char *name;
	enum kind kind;
	size_t offset;
} fields[] = {
	{"slot", KIND_U64, offsetof(struct heritage, slot)},
	{"generation", KIND_U64, offsetof(struct heritage, generation)},
	{"channel_fd", KIND_FD, offsetof(struct heritage, channel_fd)},
	{"page_fd", KIND_FD, offsetof(struct heritage, page_fd)},
	{"drop", KIND_BOOL, offsetof(struct heritage, drop)},
	{"uid", KIND_ID, offsetof(struct heritage, uid)},
	{"gid", KIND_ID, offsetof(struct heritage, gid)},
};

/* Descriptors that need not be there: 0. */
static const struct spare {
	const char *name;
	size_t offset;
} spares[] = {
	{"access", offsetof(struct heritage, access_fd)},
	{"certificates", offsetof(struct heritage, certificates_fd)},
	{"keys", offsetof(struct heritage, keys_fd)},
	{"tickets", offsetof(struct heritage, tickets_fd)},
};

static const char *const listener_names[] = {[false] = "listener", [true] = "tls_listener"};

_Static_assert(sizeof(uid_t) == 4 && sizeof(gid_t) == 4, "an id is 32 bits wide");

static const uint64_t kind_max[] = {
	[KIND_U64] = UINT64_MAX,
	[KIND_FD] = INT_MAX,
	[KIND_ID] = UINT32_MAX - 1,
	[KIND_BOOL] = 1,
};

static uint64_t get_number(const struct heritage *heritage, const struct field *field)
{
	const void *at = (const char *)heritage + field->offset;

	switch (field->kind) {
	case KIND_U64:
		return *(const uint64_t *)at;
	case KIND_FD:
		return (uint64_t) * (const int *)at;
	case KIND_ID:
		return *(const uint32_t *)at;
	case KIND_BOOL:
		return *(const bool *)at;
	}
	MUST(false);
	return 0;
}

static int *spare_of(const struct heritage *heritage, const struct spare *spare)
{
	return (int *)(uintptr_t)((const char *)heritage + spare->offset);
}

static void set_number(struct heritage *heritage, const struct field *field, uint64_t value)
{
	void *at = (char *)heritage + field->offset;

	switch (field->kind) {
	case KIND_U64:
		*(uint64_t *)at = value;
		break;
	case KIND_FD:
		*(int *)at = (int)value;
		break;
	case KIND_ID:
		*(uint32_t *)at = (uint32_t)value;
		break;
	case KIND_BOOL:
		*(bool *)at = value != 0;
		break;
	}
}

/* Writing. */

static void add_number(struct text *text, const char *name, uint64_t value)
{
	text_add(text, name);
	text_add_char(text, ' ');
	text_add_uint(text, value);
	text_add_char(text, '\n');
}

static void add_setting(struct text *text, const struct setting *row,
	const struct settings *settings)
{
	const char *const *string = (const void *)((const char *)settings + row->offset);

	text_add(text, "set ");
	text_add(text, row->name);
	text_add_char(text, ' ');
	if (setting_is_text(row)) {
		line_add_value(text, *string != NULL ? *string : "");
		return;
	}
	setting_write(row, settings, text); /* a number or a word: nothing to escape */
	text_add_char(text, '\n');
}

void heritage_add_settings(const struct settings *settings, struct text *text)
{
	for (size_t i = 0; i < SETTINGS; i++)
		add_setting(text, &settings_table[i], settings);
}

void heritage_write(const struct heritage *heritage, struct text *text)
{
	MUST(heritage->listeners <= HERITAGE_LISTENERS);
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		add_number(text, fields[i].name, get_number(heritage, &fields[i]));
	/* A worker's is left out: those of older releases know no other. */
	if (heritage->role != PROCESS_WORKER) {
		text_add(text, "role ");
		line_add_value(text, process_role_name(heritage->role));
	}
	for (size_t i = 0; i < COUNT_OF(spares); i++) {
		int fd = *spare_of(heritage, &spares[i]);

		if (fd > 0)
			add_number(text, spares[i].name, (uint64_t)fd);
	}
	for (size_t i = 0; i < heritage->listeners; i++)
		add_number(text, listener_names[heritage->listener_tls[i]],
			(uint64_t)heritage->listener_fd[i]);
	heritage_add_settings(&heritage->settings, text);
	/* Last, and never left out: a text that was cut is known by that. */
	text_add(text, "app ");
	line_add_value(text, heritage->app != NULL ? heritage->app : "");
}

/* Reading. */

struct reading {
	struct heritage *heritage;
	struct text *why;
	bool seen[COUNT_OF(fields)];
	bool set[SETTINGS];
};

static int fail(struct reading *reading, const char *name, const char *wrong)
{
	text_add(reading->why, name);
	text_add(reading->why, ": ");
	text_add(reading->why, wrong);
	return -EINVAL;
}

static int read_app(struct reading *reading, char *value)
{
	if (reading->heritage->app != NULL)
		return fail(reading, "app", "is given twice");
	reading->heritage->app = strdup(value);
	return reading->heritage->app != NULL ? 0 : -ENOMEM;
}

static int read_spare(struct reading *reading, const struct spare *spare, const char *value)
{
	int *at = spare_of(reading->heritage, spare);
	uint64_t fd;

	if (*at != 0)
		return fail(reading, spare->name, "is given twice");
	if (text_to_uint(value, strlen(value), INT_MAX, &fd) != 0 || fd <= STDERR_FILENO)
		return fail(reading, spare->name, "is not the number of a descriptor");
	*at = (int)fd;
	return 0;
}

static int read_role(struct reading *reading, char *value)
{
	for (unsigned role = 0; role < PROCESS_ROLES; role++) {
		if (strcmp(process_role_name((enum process_role)role), value) != 0)
			continue;
		reading->heritage->role = (enum process_role)role;
		return 0;
	}
	return fail(reading, "role", "is none that this program has");
}

static int add_listener(struct reading *reading, const char *name, const char *value, bool tls)
{
	struct heritage *heritage = reading->heritage;
	uint64_t fd;

	if (text_to_uint(value, strlen(value), INT_MAX, &fd) != 0)
		return fail(reading, name, "is not the number of a descriptor");
	if (heritage->listeners == HERITAGE_LISTENERS)
		return fail(reading, name, "there are too many");
	heritage->listener_tls[heritage->listeners] = tls;
	heritage->listener_fd[heritage->listeners++] = (int)fd;
	return 0;
}

static int read_listener(struct reading *reading, char *value)
{
	return add_listener(reading, "listener", value, false);
}

static int read_tls_listener(struct reading *reading, char *value)
{
	return add_listener(reading, "tls_listener", value, true);
}

/* `value` is "name value". */
static int read_setting(struct reading *reading, char *value)
{
	size_t size = strcspn(value, " ");
	const struct setting *row = setting_named(value, size);
	char bytes[256];
	struct text reason = TEXT_OVER(bytes);
	int error;

	if (value[size] == '\0')
		return fail(reading, value, "is a setting without its value");
	if (row == NULL)
		return 0;
	if (reading->set[row - settings_table])
		return fail(reading, row->name, "is given twice");
	reading->set[row - settings_table] = true;
	error = setting_read(row, value + size + 1, false, &reading->heritage->settings, &reason);
	return error == 0 || error == -ENOMEM ? error : fail(reading, row->name, bytes);
}

static int read_number(struct reading *reading, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		uint64_t number;

		if (strcmp(fields[i].name, name) != 0)
			continue;
		if (reading->seen[i])
			return fail(reading, name, "is given twice");
		if (text_to_uint(value, strlen(value), kind_max[fields[i].kind], &number) != 0)
			return fail(reading, name, "is not a number that it can be");
		reading->seen[i] = true;
		set_number(reading->heritage, &fields[i], number);
		return 0;
	}
	return fail(reading, name, "is an unknown name");
}

static const struct {
	const char *name;
	int (*read)(struct reading *reading, char *value);
} texts[] = {
	{"app", read_app},
	{"listener", read_listener},
	{"role", read_role},
	{"set", read_setting},
	{"tls_listener", read_tls_listener},
};

static int read_line(struct reading *reading, char *line)
{
	char *value = strchr(line, ' ');

	if (value == NULL)
		return fail(reading, line, "is a line without a value");
	*value++ = '\0';
	if (line_unescape(value) != 0)
		return fail(reading, line, "has an unknown escape");
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (strcmp(texts[i].name, line) == 0)
			return texts[i].read(reading, value);
	}
	for (size_t i = 0; i < COUNT_OF(spares); i++) {
		if (strcmp(spares[i].name, line) == 0)
			return read_spare(reading, &spares[i], value);
	}
	return read_number(reading, line, value);
}

static int find_missing(struct reading *reading)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (!reading->seen[i])
			return fail(reading, fields[i].name, "is missing");
	}
	if (reading->heritage->app == NULL)
		return fail(reading, "app", "is missing");
	return 0;
}

/* `bytes` is a copy with a NUL behind it, to be taken apart. */
static int read_lines(struct reading *reading, char *bytes, size_t size)
{
	char *end = bytes + size;

	if (memchr(bytes, '\0', size) != NULL)
		return fail(reading, "heritage", "has a NUL byte");
	while (bytes < end) {
		char *newline = strchr(bytes, '\n');
		int error;

		if (newline == NULL)
			return fail(reading, "heritage", "ends within a line");
		*newline = '\0';
		error = read_line(reading, bytes);
		if (error != 0)
			return error;
		bytes = newline + 1;
	}
	return find_missing(reading);
}

int heritage_read(struct heritage *heritage, const char *bytes, size_t size, struct text *why)
{
	struct reading reading = {.heritage = heritage, .why = why};
	char *copy = malloc(size + 1);
	int error;

	*heritage = (struct heritage){.channel_fd = -1, .page_fd = -1};
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	error = settings_init(&heritage->settings);
	if (error == 0)
		error = read_lines(&reading, copy, size);
	free(copy);
	if (error != 0)
		heritage_free(heritage);
	return error;
}

void heritage_free(struct heritage *heritage)
{
	settings_free(&heritage->settings);
	free(heritage->app);
	heritage->app = NULL;
}

/* By their names in the text. */

int heritage_each_fd(const struct heritage *heritage,
	int (*visit)(const char *name, int fd, void *context), void *context)
{
	int error = heritage->page_fd >= 0 ? visit("page_fd", heritage->page_fd, context) : 0;

	for (size_t i = 0; error == 0 && i < COUNT_OF(spares); i++) {
		int fd = *spare_of(heritage, &spares[i]);

		error = fd > 0 ? visit(spares[i].name, fd, context) : 0;
	}
	for (size_t i = 0; error == 0 && i < heritage->listeners; i++)
		error = visit(listener_names[heritage->listener_tls[i]], heritage->listener_fd[i],
			context);
	return error;
}

/* Where it belongs; NULL: no such name, or no room for one more. */
static int *place_of(struct heritage *heritage, const char *name)
{
	if (strcmp(name, "page_fd") == 0)
		return &heritage->page_fd;
	for (size_t i = 0; i < COUNT_OF(spares); i++) {
		if (strcmp(name, spares[i].name) == 0)
			return spare_of(heritage, &spares[i]);
	}
	for (size_t i = 0; i < COUNT_OF(listener_names); i++) {
		if (heritage->listeners == HERITAGE_LISTENERS ||
			strcmp(name, listener_names[i]) != 0)
			continue;
		heritage->listener_tls[heritage->listeners] = i != 0;
		heritage->listener_fd[heritage->listeners] = -1;
		return &heritage->listener_fd[heritage->listeners++];
	}
	return NULL;
}

int heritage_take(struct heritage *heritage, const char *name, int *fd)
{
	int *place = place_of(heritage, name);

	if (place == NULL)
		return -EINVAL;
	if (*place > 0)
		return -EEXIST;
	*place = *fd;
	*fd = -1;
	return 0;
}
