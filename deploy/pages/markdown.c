/* markdown.c - rows for a reference that is read in a browser. */
#include <string.h>

#include "deploy/pages/format.h"

/* Inside a cell of a table a bar would be a border, and what is in < > an element. */
static void print_cell(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			(void)fputc('\\', out);
		if (*text == '<')
			(void)fputs("&lt;", out);
		else
			(void)fputc(*text, out);
	}
}

static void begin_section(FILE *out, const struct setting_section *section)
{
	(void)fprintf(out, "## %s\n\nIn a config file: `[%s]`\n\n", section->title, section->name);
	(void)fputs("| setting | value | default | |\n|---|---|---|---|\n", out);
}

static void print_setting(FILE *out, const struct setting *row)
{
	(void)fprintf(out, "| `%s`", row->name);
	if (row->flag != '\0')
		(void)fprintf(out, ", `-%c`", row->flag);
	(void)fputs(" | `", out);
	print_cell(out, row->looks);
	(void)fputs(row->standard[0] != '\0' ? "` | `" : "` | ", out);
	print_cell(out, row->standard);
	(void)fputs(row->standard[0] != '\0' ? "` | " : " | ", out);
	print_cell(out, row->help);
	(void)fputs(" |\n", out);
}

static void end_section(FILE *out)
{
	(void)fputc('\n', out);
}

static void begin_entries(FILE *out)
{
	(void)fputs("| | |\n|---|---|\n", out);
}

static void print_entry(FILE *out, const struct entry *entry)
{
	(void)fprintf(out, "| `%s%s`", entry->is_flag ? "--" : "", entry->word);
	if (entry->flag != '\0')
		(void)fprintf(out, ", `-%c`", entry->flag);
	(void)fputs(" | ", out);
	print_cell(out, entry->meaning);
	(void)fputs(" |\n", out);
}

static void begin_gunicorn(FILE *out)
{
	(void)fputs("| Gunicorn | its flags | narwhal | |\n|---|---|---|---|\n", out);
}

/* "`-p`, `--pid`": of the long ones the first may be one of several. */
static void print_gunicorn_flags(FILE *out, const struct gunicorn *row)
{
	const char *between = "";

	if (row->flag != '\0') {
		(void)fprintf(out, "`-%c`", row->flag);
		between = ", ";
	}
	for (const char *at = row->flags; *at != '\0';) {
		size_t size = strcspn(at, "|");

		(void)fprintf(out, "%s`--%.*s`", between, (int)size, at);
		between = ", ";
		at += size + (at[size] == '|');
	}
}

/* What an operator would write here. */
static void print_fate(FILE *out, const struct gunicorn *row)
{
	static const char *const formats[] = {
		[GUNICORN_SETTING] = "`%s`",
		[GUNICORN_APP] = "the app",
		[GUNICORN_ASKED] = "`--%s`",
		[GUNICORN_PROGRAM] = "a program: `%s`",
		[GUNICORN_PYTHON] = "Python: `%s`",
		[GUNICORN_NOTHING] = "nothing",
	};
	const char *at = strstr(formats[row->fate], "%s");

	if (at == NULL)
		(void)fputs(formats[row->fate], out);
	else
		(void)fprintf(out, "%.*s%s%s", (int)(at - formats[row->fate]), formats[row->fate],
			row->to, at + 2);
}

static void print_gunicorn(FILE *out, const struct gunicorn *row)
{
	(void)fprintf(out, "| `%s` | ", row->name);
	print_gunicorn_flags(out, row);
	(void)fputs(" | ", out);
	print_fate(out, row);
	(void)fputs(" | ", out);
	print_cell(out, row->remark);
	(void)fputs(" |\n", out);
}

const struct format format_markdown = {
	.name = "markdown",
	.section_begin = begin_section,
	.setting = print_setting,
	.section_end = end_section,
	.entries_begin = begin_entries,
	.entry = print_entry,
	.gunicorn_begin = begin_gunicorn,
	.gunicorn = print_gunicorn,
};
