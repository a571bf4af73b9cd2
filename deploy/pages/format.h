/*
 * format.h - how rows of the tables are written in one kind of page: a manual page, a reference, a
 * shell's completions. One vtable for each; what a kind has no use for is NULL.
 */
#ifndef DEPLOY_PAGES_FORMAT_H
#define DEPLOY_PAGES_FORMAT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/settings.h"
#include "init/gunicorn.h"

/* A row that is a word and what it means: a verb, a signal, an exit status, a cause. */
struct entry {
	const char *word;
	char flag;    /* the short one, or 0 */
	bool is_flag; /* the word stands behind "--" */
	const char *meaning;
};

struct format {
	const char *name;
	void (*section_begin)(FILE *out, const struct setting_section *section);
	void (*setting)(FILE *out, const struct setting *row);
	void (*section_end)(FILE *out);
	void (*entries_begin)(FILE *out);
	void (*entry)(FILE *out, const struct entry *entry);
	void (*entries_end)(FILE *out);
	void (*gunicorn_begin)(FILE *out);
	void (*gunicorn)(FILE *out, const struct gunicorn *row);
};

extern const struct format format_mdoc;
extern const struct format format_markdown;
extern const struct format format_bash;
extern const struct format format_zsh;
extern const struct format format_fish;

/* The setting's name as a flag: dashes for underscores. */
void format_flag_name(FILE *out, const char *name);
/* The first part of a help text, as completions have little room: up to a semicolon or a colon. */
size_t format_brief(const char *help) PURE;
/* What kind of value a completion can offer. */
enum format_value {
	VALUE_WORDS, /* the words of setting_words() */
	VALUE_FILE,
	VALUE_DIRECTORY,
	VALUE_ANY,
};
enum format_value format_value(const struct setting *row) PURE;
/* The words that the setting takes, with `between` between them. */
void format_words(FILE *out, const struct setting *row, char between);

#endif
