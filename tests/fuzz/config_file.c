/*
 * The config file: any bytes are read, or refused with one line that names the file and the line;
 * and what was read is printed as a file that reads as the same.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "init/config_reading.h"
#include "init/usage.h"
#include "tests/fuzz/lib/fuzz.h"

#define WHY_MAX 4096
#define VALUE_MAX 8192

/* Reads a file of these bytes; the words have what must be given. `name` is what it was called. */
static int read_bytes(struct config *config, const void *bytes, size_t size, char name[32],
	struct text *why)
{
	FD_SCOPED fd = fd_sealed("fuzz", bytes, size);
	char *words[] = {(char[]){"narwhal"}, (char[]){"--config"}, name, (char[]){"/srv"}, NULL};
	char *environment[] = {NULL};
	const struct config_input input = {
		.argc = COUNT_OF(words) - 1,
		.argv = words,
		.envp = environment,
		.directory_fd = -1,
	};

	MUST(fd >= 0);
	(void)snprintf(name, 32, "/proc/self/fd/%d", fd);
	return config_read(config, &input, why);
}

static void check_refusal(const char *name, const struct text *why)
{
	const char *line = why->bytes + strlen(name);

	MUST(memcmp(why->bytes, name, strlen(name)) == 0);
	MUST(line[0] == ':' && line[1] >= '1' && line[1] <= '9');
	MUST(!why->cut);
	for (size_t i = 0; i < why->used; i++)
		MUST(why->bytes[i] >= ' ' && why->bytes[i] <= '~');
}

/* A value that no line can hold is printed as a comment. */
static bool held(const char *name, const char *value)
{
	return config_file_holds(name, value, strlen(value));
}

static bool list_held(const char *name, const char *list)
{
	const char *item;
	size_t size;

	while ((item = setting_item(&list, &size)) != NULL) {
		if (!config_file_holds(name, item, size))
			return false;
	}
	return true;
}

static void check_same_value(const struct setting *row, const struct config *first,
	const struct config *second)
{
	char one[VALUE_MAX], two[VALUE_MAX];
	struct text before = TEXT_OVER(one), after = TEXT_OVER(two);

	setting_write(row, &first->settings, &before);
	setting_write(row, &second->settings, &after);
	MUST(!before.cut);
	if (row->type == SETTING_LIST ? list_held(row->name, one) : held(row->name, one))
		MUST(strcmp(one, two) == 0);
}

static void check_printed(const struct config *config)
{
	char *bytes = NULL, name[32], reason[WHY_MAX];
	struct text why = TEXT_OVER(reason);
	struct config again;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);

	MUST(out != NULL && usage_config(config, out) == 0);
	(void)fclose(out);
	MUST(read_bytes(&again, bytes, size, name, &why) == 0);
	for (size_t i = 0; i < SETTINGS; i++)
		check_same_value(&settings_table[i], config, &again);
	config_free(&again);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[32], reason[WHY_MAX];
	struct text why = TEXT_OVER(reason);
	struct config config;

	if (read_bytes(&config, data, size, name, &why) == 0) {
		check_printed(&config);
		config_free(&config);
	} else {
		check_refusal(name, &why);
	}
	return 0;
}
