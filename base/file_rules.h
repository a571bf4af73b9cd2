/*
 * file_rules.h - the settings of files that have a grammar of their own: cache_control, error_page,
 * index, fallback. Pure.
 *
 * The arbiter checks them when it reads its settings, the worker goes by them; neither reads a file
 * here. A glob is fnmatch(3)'s, whose `*` also matches a slash: one that begins with a slash is
 * for the whole path, another one for the last segment.
 */
#ifndef BASE_FILE_RULES_H
#define BASE_FILE_RULES_H

#include <stddef.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"

/* All of them: 0, or -EINVAL with the setting at fault, and `why` naming the item. */
MUST_USE int file_rules_check(const struct settings *settings, enum setting_id *fault,
	struct text *why);

/*
 * Adds to `value` what the first rule of the list `cache_control` that fits has for the file
 * `path`, which begins with a slash: "public, max-age=60". Nothing where none fits.
 */
void file_rules_cache_control(const char *cache_control, const char *path, struct text *value);

/* The page for that status, with its size; NULL where the list `error_page` has none. */
const char *file_rules_error_page(const char *error_page, unsigned status, size_t *size);

#endif
