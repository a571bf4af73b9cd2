#include "init/mapping.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/settings.h"

/* What differs between the two lists. */
struct reading {
	const char *setting;
	const char *allowed;
	int (*read_from)(const char *bytes, size_t size, int *value);
	int (*read_to)(const char *bytes, size_t size, int *value);
	uint8_t *to;
};

static int refuse(const struct reading *reading, const char *item, size_t size, struct text *why)
{
	text_add(why, reading->setting);
	text_add(why, ": \"");
	text_add_escaped(why, item, size, false);
	text_add(why, "\" ");
	return -EINVAL;
}

static int read_item(const struct reading *reading, const char *item, size_t size, struct text *why)
{
	const char *colon = memchr(item, ':', size);
	size_t before = colon != NULL ? (size_t)(colon - item) : size;
	int from, to;

	if (colon == NULL || reading->read_from(item, before, &from) != 0 ||
		reading->read_to(colon + 1, size - before - 1, &to) != 0) {
		(void)refuse(reading, item, size, why);
		text_add(why, reading->allowed);
		return -EINVAL;
	}
	if (reading->to[from] != from) {
		(void)refuse(reading, item, size, why);
		text_add(why, "says again what becomes of the same one");
		return -EINVAL;
	}
	reading->to[from] = (uint8_t)to;
	return 0;
}

static int read_list(const struct reading *reading, const char *list, struct text *why)
{
	const char *item;
	size_t size;
	int error = 0;

	while (error == 0 && (item = setting_item(&list, &size)) != NULL)
		error = read_item(reading, item, size, why);
	return error;
}

static int read_status(const char *bytes, size_t size, int *value)
{
	uint64_t number;
	int error = text_to_uint(bytes, size, MAPPING_STATUSES - 1, &number);

	if (error == 0)
		*value = (int)number;
	return error;
}

static int read_caught(const char *bytes, size_t size, int *value)
{
	int error = signal_name_read(bytes, size, value);

	if (error == 0 && (*value == SIGKILL || *value == SIGSTOP || *value == SIGCHLD))
		error = -EINVAL;
	return error;
}

static int read_sent(const char *bytes, size_t size, int *value)
{
	if (size == 1 && bytes[0] == '0') {
		*value = 0;
		return 0;
	}
	return signal_name_read(bytes, size, value);
}

int mapping_read_exits(const char *list, struct exit_mapping *map, struct text *why)
{
	const struct reading reading = {"map_exit",
		"is not FROM:TO: allowed are exit statuses from 0 to 255, as in 143:0", read_status,
		read_status, map->to};

	for (unsigned i = 0; i < COUNT_OF(map->to); i++)
		map->to[i] = (uint8_t)i;
	return read_list(&reading, list, why);
}

int mapping_read_signals(const char *list, struct signal_mapping *map, struct text *why)
{
	const struct reading reading = {"rewrite_signal",
		"is not FROM:TO: allowed are names and numbers of signals, as in TERM:QUIT; FROM "
		"is not KILL, STOP or CHLD; TO may be 0, which drops it",
		read_caught, read_sent, map->to};

	for (unsigned i = 0; i < COUNT_OF(map->to); i++)
		map->to[i] = (uint8_t)i;
	return read_list(&reading, list, why);
}
