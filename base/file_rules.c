#include "base/file_rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>

/* The longest glob; a path may be longer. */
#define GLOB_MAX 255

struct rule {
	const char *key, *value;
	size_t key_size, value_size;
};

/* In two, at a colon; false where that is NULL. */
static bool split(const char *item, size_t size, const char *colon, struct rule *rule)
{
	if (colon == NULL)
		return false;
	rule->key = item;
	rule->key_size = (size_t)(colon - item);
	rule->value = colon + 1;
	rule->value_size = size - rule->key_size - 1;
	return true;
}

/* A glob may have a colon, what stands behind it may not. */
static bool split_cache_control(const char *item, size_t size, struct rule *rule)
{
	return split(item, size, memrchr(item, ':', size), rule);
}

static bool split_error_page(const char *item, size_t size, struct rule *rule)
{
	return split(item, size, memchr(item, ':', size), rule);
}

static bool is_printable(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~')
			return false;
	}
	return true;
}

/* "max-age=3600", "no-cache": a token, or two with "=" between (RFC 9111 section 5.2). */
static bool is_directive(const char *bytes, size_t size)
{
	const char *equals = memchr(bytes, '=', size);

	if (size == 0 || equals == bytes || equals == bytes + size - 1)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (strchr("()<>@,;:\\\"/[]?{}", bytes[i]) != NULL ||
			(bytes[i] == '=' && bytes + i != equals))
			return false;
	}
	return true;
}

/* The next word between spaces, as setting_item() for a list; NULL at the end. */
static const char *next_word(const char **at, const char *end, size_t *size)
{
	const char *word;

	while (*at < end && **at == ' ')
		(*at)++;
	word = *at;
	while (*at < end && **at != ' ')
		(*at)++;
	*size = (size_t)(*at - word);
	return *size != 0 ? word : NULL;
}

static bool check_cache_control(const char *item, size_t size)
{
	struct rule rule;
	const char *at, *end, *word;
	size_t word_size, words = 0;

	if (!split_cache_control(item, size, &rule) || rule.key_size == 0 ||
		rule.key_size > GLOB_MAX || !is_printable(rule.value, rule.value_size))
		return false;
	at = rule.value;
	end = at + rule.value_size;
	for (; (word = next_word(&at, end, &word_size)) != NULL; words++) {
		if (!is_directive(word, word_size))
			return false;
	}
	return words != 0;
}

/* A digit, or "x", which is any. */
static bool fits_digit(char pattern, unsigned digit)
{
	return pattern == 'x' || (unsigned)(pattern - '0') == digit;
}

static bool check_error_page(const char *item, size_t size)
{
	struct rule rule;

	if (!split_error_page(item, size, &rule) || rule.key_size != 3 || rule.value_size == 0 ||
		rule.value[0] != '/')
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (rule.key[i] != 'x' && (rule.key[i] < '0' || rule.key[i] > '9'))
			return false;
	}
	return rule.key[0] == '4' || rule.key[0] == '5';
}

static bool check_index(const char *item, size_t size)
{
	return size <= 255 && item[0] != '.' && memchr(item, '/', size) == NULL;
}

static bool check_fallback(const char *item, size_t size)
{
	return size != 0 && item[0] == '/';
}

static const struct grammar {
	enum setting_id id;
	bool is_list;
	bool (*check)(const char *item, size_t size);
	const char *allowed;
} grammars[] = {
	{SETTING_ID_cache_control, true, check_cache_control,
		"is not GLOB:DIRECTIVES: allowed are a glob and, with spaces between, directives "
		"of RFC 9111, as in *.css:max-age=3600 or /assets/*:public max-age=60 immutable"},
	{SETTING_ID_error_page, true, check_error_page,
		"is not STATUS:/PATH: allowed are a status from 400 to 599, in which x is any "
		"digit, and the path of a file, as in 404:/404.html or 5xx:/sorry.html"},
	{SETTING_ID_index, true, check_index,
		"is not the name of a file: allowed are up to 255 bytes without a slash, not "
		"beginning with a dot"},
	{SETTING_ID_fallback, false, check_fallback,
		"is not the path of a file: allowed is one that begins with a slash, as in "
		"/index.html"},
};

/* The whole value, where it is no list. */
static const char *next_item(const struct grammar *grammar, const char **value, size_t *size)
{
	const char *item = *value;

	if (grammar->is_list || item == NULL)
		return setting_item(value, size);
	*size = strlen(item);
	*value = NULL;
	return item;
}

static int check(const struct grammar *grammar, const char *value, struct text *why)
{
	const char *item;
	size_t size;

	while ((item = next_item(grammar, &value, &size)) != NULL) {
		if (grammar->check(item, size))
			continue;
		text_add_char(why, '"');
		text_add_escaped(why, item, size, false);
		text_add(why, "\" ");
		text_add(why, grammar->allowed);
		return -EINVAL;
	}
	return 0;
}

int file_rules_check(const struct settings *settings, enum setting_id *fault, struct text *why)
{
	for (size_t i = 0; i < COUNT_OF(grammars); i++) {
		const struct setting *row = &settings_table[grammars[i].id];
		const char *const *value = (const void *)((const char *)settings + row->offset);
		int error = check(&grammars[i], *value, why);

		*fault = grammars[i].id;
		if (error != 0)
			return error;
	}
	return 0;
}

static bool fits(const struct rule *rule, const char *path)
{
	char glob[GLOB_MAX + 1];

	memcpy(glob, rule->key, rule->key_size);
	glob[rule->key_size] = '\0';
	return fnmatch(glob, *glob == '/' ? path : strrchr(path, '/') + 1, 0) == 0;
}

void file_rules_cache_control(const char *cache_control, const char *path, struct text *value)
{
	struct rule rule;
	const char *item, *at, *end, *word;
	size_t size;

	while ((item = setting_item(&cache_control, &size)) != NULL) {
		if (!split_cache_control(item, size, &rule) || !fits(&rule, path))
			continue;
		at = rule.value;
		end = at + rule.value_size;
		while ((word = next_word(&at, end, &size)) != NULL) {
			text_add(value, value->used != 0 ? ", " : "");
			text_add_bytes(value, word, size);
		}
		return;
	}
}

const char *file_rules_error_page(const char *error_page, unsigned status, size_t *size)
{
	struct rule rule;
	const char *item;

	while ((item = setting_item(&error_page, size)) != NULL) {
		if (!split_error_page(item, *size, &rule) ||
			!fits_digit(rule.key[0], status / 100) ||
			!fits_digit(rule.key[1], status / 10 % 10) ||
			!fits_digit(rule.key[2], status % 10))
			continue;
		*size = rule.value_size;
		return rule.value;
	}
	return NULL;
}
