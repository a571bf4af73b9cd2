/* mdoc.c - rows for a manual page, by mdoc(7). */
#include <string.h>

#include "deploy/pages/format.h"

/* Text in which nothing is a macro or an escape. A line that began with a dot would be a request.
 */
static void print_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			(void)fputs("\\e", out);
		else if (*text == '-')
			(void)fputs("\\-", out);
		else
			(void)fputc(*text, out);
	}
}

/* An argument of a macro: a text in quotes is one word. */
static void print_quoted(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)fputs("\\(dq", out);
		else if (*text == '\\')
			(void)fputs("\\e", out);
		else
			(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

static void begin_list(FILE *out)
{
	(void)fputs(".Bl -tag -width Ds\n", out);
}

static void end_list(FILE *out)
{
	(void)fputs(".El\n", out);
}

static void begin_section(FILE *out, const struct setting_section *section)
{
	(void)fputs(".Ss ", out);
	print_text(out, section->title);
	(void)fprintf(out, " [%s]\n", section->name);
	begin_list(out);
}

static void print_setting(FILE *out, const struct setting *row)
{
	(void)fprintf(out, ".It Ic %s Ns = Ns Ar ", row->name);
	print_quoted(out, row->looks);
	(void)fputc('\n', out);
	print_text(out, row->help);
	(void)fputs(".\n", out);
	if (row->standard[0] != '\0') {
		(void)fputs("The default is\n.Ql ", out);
		print_quoted(out, row->standard);
		(void)fputs(" .\n", out);
	}
	if (row->flag != '\0')
		(void)fprintf(out, "Its short flag is\n.Fl %c .\n", row->flag);
}

static void print_entry(FILE *out, const struct entry *entry)
{
	(void)fputs(entry->is_flag ? ".It Fl \\-" : ".It Ic ", out);
	print_text(out, entry->word);
	if (entry->flag != '\0')
		(void)fprintf(out, " , Fl %c", entry->flag);
	(void)fputc('\n', out);
	print_text(out, entry->meaning);
	(void)fputs(".\n", out);
}

const struct format format_mdoc = {
	.name = "mdoc",
	.section_begin = begin_section,
	.setting = print_setting,
	.section_end = end_list,
	.entries_begin = begin_list,
	.entry = print_entry,
	.entries_end = end_list,
};
