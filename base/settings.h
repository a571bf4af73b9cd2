/*
 * settings.h - the table of settings: what there is, what a value may be, and how it is written.
 *
 * Pure: no file, no environment, no exit. Reading the sources in their order is init/config.c's;
 * a worker gets the finished values with its heritage, and reads them with the same parser.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

enum setting_type {
	SETTING_STRING,
	SETTING_LIST,
	SETTING_CIDRS,
	SETTING_FORMAT,
	SETTING_NAME,
	SETTING_COUNT,
	SETTING_AUTO_COUNT,
	SETTING_SIZE,
	SETTING_DURATION,
	SETTING_SWITCH,
	SETTING_CHOICE,
};

typedef const char *setting_STRING;
typedef const char *setting_LIST;
typedef const char *setting_CIDRS;
typedef const char *setting_FORMAT;
typedef const char *setting_NAME;
typedef uint64_t setting_COUNT;
typedef uint64_t setting_AUTO_COUNT; /* 0: auto */
typedef uint64_t setting_SIZE;
typedef uint64_t setting_DURATION; /* milliseconds */
typedef bool setting_SWITCH;
typedef uint64_t setting_CHOICE;

/*
 * The values. Strings are owned (settings_free), NULL when not set. Their order is the table's, for
 * people, whatever room it leaves between them.
 */
struct settings { /* NOLINT(clang-analyzer-optin.performance.Padding) */
#define SECTION(name, title)
#define SETTING(name, flag, type, standard, least, most, looks, help) setting_##type name;
#include "base/settings.def"
#undef SETTING
#undef SECTION
};

enum setting_id {
#define SECTION(name, title)
#define SETTING(name, flag, type, standard, least, most, looks, help) SETTING_ID_##name,
#include "base/settings.def"
#undef SETTING
#undef SECTION
	SETTINGS
};

struct setting {
	const char *name;
	char flag; /* the short one, or 0 */
	enum setting_type type;
	const char *standard; /* the default, as text */
	uint64_t least, most;
	const char *looks;
	const char *help;
	size_t offset; /* in struct settings */
};

/* All rows, SETTINGS of them, in the table's order. */
extern const struct setting settings_table[SETTINGS];

enum setting_section_id {
#define SECTION(name, title) SETTING_SECTION_##name,
#define SETTING(name, flag, type, standard, least, most, looks, help)
#include "base/settings.def"
#undef SETTING
#undef SECTION
	SETTING_SECTIONS
};

struct setting_section {
	const char *name;
	const char *title;
	size_t first; /* of its rows in settings_table; they go on to the next section's first */
};
extern const struct setting_section settings_sections[SETTING_SECTIONS];

/* Whether the field is a const char *, and NULL when it is not set. */
bool setting_is_text(const struct setting *row) PURE;
/* Whether it is one that grows when it is given again. */
bool setting_is_list(const struct setting *row) PURE;
/* The section that the row stands in. */
const struct setting_section *setting_section(const struct setting *row) PURE;

/* The row of that name (`-` counts as `_`), or NULL. `size` bytes of `name` count. */
const struct setting *setting_named(const char *name, size_t size) PURE;

/* Every field at its default. 0 or -ENOMEM. */
MUST_USE int settings_init(struct settings *settings);
void settings_free(struct settings *settings);

/*
 * Reads `text` into the field. `grow` appends to what a LIST has instead of replacing it.
 * 0, -ENOMEM, or -EINVAL / -ERANGE with the field unchanged and `why` saying what is allowed, as
 * in "is not a number: allowed are 1 to 512". Spaces around the items of a LIST are left out.
 */
MUST_USE int setting_read(const struct setting *row, const char *text, bool grow,
	struct settings *settings, struct text *why);

/* How many descriptors a worker needs for its clients, the files that it remembers, and the rest.
 */
uint64_t settings_files(const struct settings *settings) PURE;

/* Writes the value so that setting_read() reads the same one back; a string not set is "". */
void setting_write(const struct setting *row, const struct settings *settings, struct text *text);

/* The word of a CHOICE. */
void setting_add_choice(const struct setting *row, uint64_t value, struct text *text);

/*
 * Walks the items of a LIST: returns the item that *list begins with, with its size, and moves
 * *list behind it; NULL when there is none left. A LIST that is not set (NULL) has none.
 *
 *	for (const char *at = settings.bind; (item = setting_item(&at, &size)) != NULL;)
 */
const char *setting_item(const char **list, size_t *size);

#endif
