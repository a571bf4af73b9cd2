#include "base/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/access_format.h"
#include "base/cidr.h"
#include "base/quantity.h"

/* Descriptors beside those of clients: listeners, loop, channel, log, what the app opens. */
#define FILES_BESIDE 256

const struct setting settings_table[SETTINGS] = {
#define SECTION(name, title)
#define SETTING(name, flag, type, standard, least, most, looks, help)     \
	{#name, flag, SETTING_##type, standard, least, most, looks, help, \
		offsetof(struct settings, name)},
#include "base/settings.def"
#undef SETTING
#undef SECTION
};

/* Counts the rows only: a section stands at the number of the row that follows it. */
enum {
#define SECTION(name, title) FIRST_OF_##name, BEFORE_##name = FIRST_OF_##name - 1,
#define SETTING(name, flag, type, standard, least, most, looks, help) ROW_##name,
#include "base/settings.def"
#undef SETTING
#undef SECTION
};

const struct setting_section settings_sections[SETTING_SECTIONS] = {
#define SECTION(name, title) {#name, title, FIRST_OF_##name},
#define SETTING(name, flag, type, standard, least, most, looks, help)
#include "base/settings.def"
#undef SETTING
#undef SECTION
};

const struct setting_section *setting_section(const struct setting *row)
{
	size_t id = (size_t)(row - settings_table);
	size_t i = SETTING_SECTIONS - 1;

	while (settings_sections[i].first > id)
		i--;
	return &settings_sections[i];
}

static bool is_named(const char *row_name, const char *name, size_t size)
{
	return text_is_same_name(row_name, name, size) && row_name[size] == '\0';
}

const struct setting *setting_named(const char *name, size_t size)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		if (is_named(settings_table[i].name, name, size))
			return &settings_table[i];
	}
	return NULL;
}

/* How each type is read and written: */

static void add_count(uint64_t value, struct text *text)
{
	text_add_uint(text, value);
}

static const char auto_word[] = "auto";

static void add_auto_count(uint64_t value, struct text *text)
{
	if (value == 0)
		text_add(text, auto_word);
	else
		text_add_uint(text, value);
}

/* The types that are numbers between two bounds. */
struct number {
	int (*read)(const char *bytes, size_t size, uint64_t most, uint64_t *value);
	void (*add)(uint64_t value, struct text *text);
	const char *wrong;
	const char *also; /* what is allowed besides numbers */
};

static const struct number numbers[] = {
	[SETTING_COUNT] = {text_to_uint, add_count, "is not a number", ""},
	[SETTING_AUTO_COUNT] = {text_to_uint, add_auto_count, "is not a number", "auto, "},
	[SETTING_SIZE] = {quantity_read_size, quantity_add_size,
		"is not a size (as in 512, 8k, 16m, 1g)", ""},
	[SETTING_DURATION] = {quantity_read_duration, quantity_add_duration,
		"is not a duration (as in 30, 0.5, 500ms, 30s, 2m, 1h)", ""},
};

static int read_number(const struct setting *row, const char *text, void *field, struct text *why)
{
	const struct number *number = &numbers[row->type];
	uint64_t *value = field, wanted;
	int error = number->read(text, strlen(text), row->most, &wanted);

	if (error == 0 && wanted >= row->least) {
		*value = wanted;
		return 0;
	}
	text_add(why, error == -EINVAL ? number->wrong
		      : error == -EDOM ? "is finer than a millisecond"
				       : "is out of range");
	text_add(why, ": allowed are ");
	text_add(why, number->also);
	number->add(row->least, why);
	text_add(why, " to ");
	number->add(row->most, why);
	return error == -EINVAL || error == -EDOM ? -EINVAL : -ERANGE;
}

/* Its `least` is 1 or more: so 0 can be written as the word alone. */
static int read_auto_count(const struct setting *row, const char *text, void *field,
	struct text *why)
{
	uint64_t *value = field;

	if (strcmp(text, auto_word) != 0)
		return read_number(row, text, field, why);
	*value = 0;
	return 0;
}

static const struct {
	const char *word;
	bool value;
} switch_words[] = {
	{"true", true},
	{"false", false},
	{"on", true},
	{"off", false},
	{"yes", true},
	{"no", false},
	{"1", true},
	{"0", false},
};

static int read_switch(const struct setting *row, const char *text, void *field, struct text *why)
{
	bool *value = field;

	(void)row;
	for (size_t i = 0; i < COUNT_OF(switch_words); i++) {
		if (strcmp(switch_words[i].word, text) != 0)
			continue;
		*value = switch_words[i].value;
		return 0;
	}
	text_add(why, "is neither yes nor no: allowed are");
	for (size_t i = 0; i < COUNT_OF(switch_words); i++) {
		text_add(why, i == 0 ? " " : ", ");
		text_add(why, switch_words[i].word);
	}
	return -EINVAL;
}

/* The nth word of "one|two|three" with its size, or NULL. */
static const char *nth_word(const char *words, uint64_t nth, size_t *size)
{
	for (; nth > 0; nth--) {
		words = strchr(words, '|');
		if (words == NULL)
			return NULL;
		words++;
	}
	*size = strcspn(words, "|");
	return words;
}

static int read_choice(const struct setting *row, const char *text, void *field, struct text *why)
{
	uint64_t *value = field;
	const char *word;
	size_t size;

	for (uint64_t i = 0; (word = nth_word(row->looks, i, &size)) != NULL; i++) {
		if (strlen(text) != size || memcmp(word, text, size) != 0)
			continue;
		*value = i;
		return 0;
	}
	text_add(why, "is unknown: allowed are ");
	for (uint64_t i = 0; (word = nth_word(row->looks, i, &size)) != NULL; i++) {
		text_add(why, i == 0 ? "" : ", ");
		text_add_bytes(why, word, size);
	}
	return -EINVAL;
}

static void replace_string(void *field, char *value)
{
	char **string = field;

	free(*string);
	*string = value;
}

static int read_string(const struct setting *row, const char *text, void *field, struct text *why)
{
	char *copy = NULL;

	(void)row;
	(void)why;
	if (text[0] != '\0') {
		copy = strdup(text);
		if (copy == NULL)
			return -ENOMEM;
	}
	replace_string(field, copy);
	return 0;
}

const char *setting_item(const char **list, size_t *size)
{
	const char *item = *list;

	if (item == NULL)
		return NULL;
	*size = strcspn(item, ",");
	*list = item[*size] == ',' ? item + *size + 1 : NULL;
	while (*size > 0 && (*item == ' ' || *item == '\t')) {
		item++;
		(*size)--;
	}
	while (*size > 0 && (item[*size - 1] == ' ' || item[*size - 1] == '\t'))
		(*size)--;
	return item;
}

/* What `text` adds behind `old` (which may be NULL). */
static int read_items(const char *text, const char *old, void *field, struct text *why)
{
	size_t room = (old != NULL ? strlen(old) : 0) + strlen(text) + 2;
	struct text list = {.bytes = malloc(room), .size = room};
	const char *item;
	size_t size;

	if (list.bytes == NULL)
		return -ENOMEM;
	list.bytes[0] = '\0';
	text_add(&list, old != NULL ? old : "");
	while ((item = setting_item(&text, &size)) != NULL) {
		if (size == 0) {
			text_add(why, "has an empty item: allowed are items with commas between");
			free(list.bytes);
			return -EINVAL;
		}
		text_add(&list, list.used > 0 ? "," : "");
		text_add_bytes(&list, item, size);
	}
	replace_string(field, list.bytes);
	return 0;
}

static int read_list(const struct setting *row, const char *text, void *field, struct text *why)
{
	return text[0] == '\0' ? read_string(row, text, field, why)
			       : read_items(text, NULL, field, why);
}

static void write_string(const struct setting *row, const void *field, struct text *text)
{
	const char *const *string = field;

	(void)row;
	text_add(text, *string != NULL ? *string : "");
}

static void write_number(const struct setting *row, const void *field, struct text *text)
{
	const uint64_t *value = field;

	numbers[row->type].add(*value, text);
}

static void write_switch(const struct setting *row, const void *field, struct text *text)
{
	const bool *value = field;

	(void)row;
	text_add(text, *value ? "true" : "false");
}

static void write_choice(const struct setting *row, const void *field, struct text *text)
{
	const uint64_t *value = field;

	setting_add_choice(row, *value, text);
}

static int check_name(const char *text, struct text *why)
{
	if (text_is_token(text, strlen(text)))
		return 0;
	text_add(why,
		"is not the name of a field: allowed are letters, digits and !#$%&'*+-.^_`|~");
	return -EINVAL;
}

static const struct {
	int (*read)(const struct setting *row, const char *text, void *field, struct text *why);
	void (*write)(const struct setting *row, const void *field, struct text *text);
	int (*check)(const char *text, struct text *why); /* of text that is not empty; or NULL */
	bool is_text, is_list;
} types[] = {
	[SETTING_STRING] = {read_string, write_string, NULL, true, false},
	[SETTING_LIST] = {read_list, write_string, NULL, true, true},
	[SETTING_CIDRS] = {read_list, write_string, cidr_list_check, true, true},
	[SETTING_FORMAT] = {read_string, write_string, access_format_check, true, false},
	[SETTING_NAME] = {read_string, write_string, check_name, true, false},
	[SETTING_COUNT] = {read_number, write_number, NULL, false, false},
	[SETTING_AUTO_COUNT] = {read_auto_count, write_number, NULL, false, false},
	[SETTING_SIZE] = {read_number, write_number, NULL, false, false},
	[SETTING_DURATION] = {read_number, write_number, NULL, false, false},
	[SETTING_SWITCH] = {read_switch, write_switch, NULL, false, false},
	[SETTING_CHOICE] = {read_choice, write_choice, NULL, false, false},
};

bool setting_is_text(const struct setting *row)
{
	return types[row->type].is_text;
}

bool setting_is_list(const struct setting *row)
{
	return types[row->type].is_list;
}

int setting_read(const struct setting *row, const char *text, bool grow, struct settings *settings,
	struct text *why)
{
	void *field = (char *)settings + row->offset;
	const char *const *string = field;
	int error = 0;

	if (types[row->type].check != NULL && text[0] != '\0')
		error = types[row->type].check(text, why);
	if (error != 0)
		return error;
	if (grow && setting_is_list(row))
		return text[0] != '\0' ? read_items(text, *string, field, why) : 0;
	return types[row->type].read(row, text, field, why);
}

void setting_write(const struct setting *row, const struct settings *settings, struct text *text)
{
	types[row->type].write(row, (const char *)settings + row->offset, text);
}

void setting_add_choice(const struct setting *row, uint64_t value, struct text *text)
{
	size_t size;
	const char *word = nth_word(row->looks, value, &size);

	MUST(word != NULL);
	text_add_bytes(text, word, size);
}

int settings_init(struct settings *settings)
{
	char bytes[128];

	*settings = (struct settings){0};
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct setting *row = &settings_table[i];
		struct text why = TEXT_OVER(bytes);
		int error = setting_read(row, row->standard, false, settings, &why);

		MUST(error == 0 || error == -ENOMEM); /* a default out of its own bounds */
		if (error == 0)
			continue;
		settings_free(settings);
		return error;
	}
	return 0;
}

uint64_t settings_files(const struct settings *settings)
{
	return 2 * settings->worker_connections + settings->open_file_cache + FILES_BESIDE;
}

void settings_free(struct settings *settings)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct setting *row = &settings_table[i];

		if (setting_is_text(row))
			replace_string((char *)settings + row->offset, NULL);
	}
}
