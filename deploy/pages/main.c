/*
 * pages FORMAT <TEMPLATE >PAGE - fills what the tables know into a page.
 *
 * A line of the template that is @settings@, @verbs@, @signals@, @exits@ or @causes@ alone becomes
 * the rows of that table, in that format; @gunicorn settings@, @gunicorn nothing@ and @gunicorn
 * hooks@ become those of Gunicorn's that are so; all other lines stay as they are. So a page says
 * nothing that the programs do not do, and a row that is added stands in each of them.
 */
#include <errno.h>
#include <string.h>

#include "deploy/pages/format.h"
#include "init/config_reading.h"

static const struct format *const formats[] = {
	&format_mdoc,
	&format_markdown,
	&format_bash,
	&format_zsh,
	&format_fish,
};

static const struct entry verbs[] = {
#define VERB(name, word, flag, kind, help) {word, flag, (kind) == FLAG, help},
#include "init/verbs.def"
#undef VERB
};

static const struct entry signals[] = {
#define SIGNAL(name, verb, meaning) {#name, '\0', false, meaning},
#include "init/signals.def"
#undef SIGNAL
};

static const struct entry exits[] = {
#define EXIT(name, status, meaning) {#status, '\0', false, meaning},
#include "base/exits.def"
#undef EXIT
};

static const struct entry causes[] = {
#define CAUSE(name, logged, meaning) {logged, '\0', false, meaning},
#include "init/causes.def"
#undef CAUSE
};

/* What a template can ask for, but the settings. */
static const struct {
	const char *line;
	const struct entry *entry;
	size_t count;
} lists[] = {
	{"@verbs@\n", verbs, COUNT_OF(verbs)},
	{"@signals@\n", signals, COUNT_OF(signals)},
	{"@exits@\n", exits, COUNT_OF(exits)},
	{"@causes@\n", causes, COUNT_OF(causes)},
};

static void print_section(FILE *out, const struct format *format, size_t section)
{
	size_t end =
		section + 1 < SETTING_SECTIONS ? settings_sections[section + 1].first : SETTINGS;

	if (format->section_begin != NULL)
		format->section_begin(out, &settings_sections[section]);
	for (size_t i = settings_sections[section].first; i < end; i++)
		format->setting(out, &settings_table[i]);
	if (format->section_end != NULL)
		format->section_end(out);
}

static void print_entries(FILE *out, const struct format *format, const struct entry *entry,
	size_t count)
{
	if (format->entries_begin != NULL)
		format->entries_begin(out);
	for (size_t i = 0; i < count; i++)
		format->entry(out, &entry[i]);
	if (format->entries_end != NULL)
		format->entries_end(out);
}

/* Which rows of Gunicorn's a line asks for. */
static bool is_hook(const struct gunicorn *row)
{
	return row->fate == GUNICORN_PROGRAM || row->fate == GUNICORN_PYTHON;
}

static bool is_nothing(const struct gunicorn *row)
{
	return row->fate == GUNICORN_NOTHING;
}

static bool is_setting(const struct gunicorn *row)
{
	return !is_hook(row) && !is_nothing(row);
}

static const struct {
	const char *line;
	bool (*is_one)(const struct gunicorn *row);
} gunicorns[] = {
	{"@gunicorn settings@\n", is_setting},
	{"@gunicorn nothing@\n", is_nothing},
	{"@gunicorn hooks@\n", is_hook},
};

static void print_gunicorn(FILE *out, const struct format *format,
	bool (*is_one)(const struct gunicorn *row))
{
	format->gunicorn_begin(out);
	for (size_t i = 0; i < GUNICORN_ROWS; i++) {
		if (is_one(&gunicorn_table[i]))
			format->gunicorn(out, &gunicorn_table[i]);
	}
}

static void print_line(FILE *out, const struct format *format, const char *line)
{
	if (strcmp(line, "@settings@\n") == 0) {
		for (size_t i = 0; i < SETTING_SECTIONS; i++)
			print_section(out, format, i);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		if (strcmp(line, lists[i].line) == 0) {
			print_entries(out, format, lists[i].entry, lists[i].count);
			return;
		}
	}
	for (size_t i = 0; format->gunicorn != NULL && i < COUNT_OF(gunicorns); i++) {
		if (strcmp(line, gunicorns[i].line) == 0) {
			print_gunicorn(out, format, gunicorns[i].is_one);
			return;
		}
	}
	(void)fputs(line, out);
}

static const struct format *find_format(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct format *format = argc == 2 ? find_format(argv[1]) : NULL;
	char line[4096];

	if (format == NULL) {
		(void)fputs("usage: pages mdoc|markdown|bash|zsh|fish <TEMPLATE >PAGE\n", stderr);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin) != NULL)
		print_line(stdout, format, line);
	if (ferror(stdin) || fflush(stdout) != 0) {
		(void)fprintf(stderr, "pages: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
