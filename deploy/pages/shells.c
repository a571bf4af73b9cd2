/* shells.c - rows for the completions of bash(1), zsh(1) and fish(1). */
#include <string.h>

#include "deploy/pages/format.h"

/* Within single quotes each of the three shells reads everything as it stands, but for a quote. */
static void print_plain(FILE *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size && text[i] != '\0'; i++) {
		if (text[i] == '\'')
			(void)fputs("'\\''", out);
		else
			(void)fputc(text[i], out);
	}
}

/* zsh reads the text of a specification up to a bracket or a colon. */
static void print_specified(FILE *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size && text[i] != '\0'; i++) {
		if (strchr("[]:\\", text[i]) != NULL)
			(void)fputc('\\', out);
		print_plain(out, text + i, 1);
	}
}

static size_t first_word(const char *text)
{
	return strcspn(text, " ");
}

/* [--sandbox]='words strict app off', of an array whose keys are the flags. */
static void bash_value(FILE *out, const struct setting *row)
{
	static const char *const offers[] =
		{[VALUE_FILE] = "files", [VALUE_DIRECTORY] = "directories", [VALUE_ANY] = "any"};
	enum format_value value = format_value(row);

	if (value == VALUE_WORDS) {
		(void)fputs("'words ", out);
		format_words(out, row, ' ');
		(void)fputs("'\n", out);
		return;
	}
	(void)fprintf(out, "%s\n", row->type == SETTING_SWITCH ? "none" : offers[value]);
}

static void bash_setting(FILE *out, const struct setting *row)
{
	(void)fputs("\t\t[--", out);
	format_flag_name(out, row->name);
	(void)fputs("]=", out);
	bash_value(out, row);
	if (row->type == SETTING_SWITCH) {
		(void)fputs("\t\t[--no-", out);
		format_flag_name(out, row->name);
		(void)fputs("]=none\n", out);
	}
}

static void bash_entry(FILE *out, const struct entry *entry)
{
	(void)fprintf(out, "\t\t%s%.*s\n", entry->is_flag ? "--" : "", (int)first_word(entry->word),
		entry->word);
}

const struct format format_bash = {
	.name = "bash",
	.setting = bash_setting,
	.entry = bash_entry,
};

/* '--sandbox=[which system calls ...]:strict|app|off:(strict app off)' */
static void zsh_value(FILE *out, const struct setting *row)
{
	enum format_value value = format_value(row);

	(void)fputc(':', out);
	print_specified(out, row->looks, strlen(row->looks));
	(void)fputc(':', out);
	if (value == VALUE_WORDS) {
		(void)fputc('(', out);
		format_words(out, row, ' ');
		(void)fputc(')', out);
	} else if (value != VALUE_ANY) {
		(void)fputs(value == VALUE_DIRECTORY ? "_files -/" : "_files", out);
	}
}

static void zsh_setting(FILE *out, const struct setting *row)
{
	bool takes_value = row->type != SETTING_SWITCH;

	(void)fputs("\t\t'--", out);
	format_flag_name(out, row->name);
	(void)fputs(takes_value ? "=[" : "[", out);
	print_specified(out, row->help, format_brief(row->help));
	(void)fputc(']', out);
	if (takes_value)
		zsh_value(out, row);
	(void)fputs("'\n", out);
	if (takes_value)
		return;
	(void)fputs("\t\t'--no-", out);
	format_flag_name(out, row->name);
	(void)fputs("[not]'\n", out);
}

/* Of a list that _describe() offers: 'ready:exit 0 if ...'. */
static void zsh_entry(FILE *out, const struct entry *entry)
{
	(void)fprintf(out, "\t\t'%s%.*s:", entry->is_flag ? "--" : "", (int)first_word(entry->word),
		entry->word);
	print_specified(out, entry->meaning, format_brief(entry->meaning));
	(void)fputs("'\n", out);
}

const struct format format_zsh = {
	.name = "zsh",
	.setting = zsh_setting,
	.entry = zsh_entry,
};

static void fish_value(FILE *out, const struct setting *row)
{
	switch (format_value(row)) {
	case VALUE_WORDS:
		(void)fputs(" -x -a '", out);
		format_words(out, row, ' ');
		(void)fputc('\'', out);
		break;
	case VALUE_FILE:
		(void)fputs(" -r -F", out);
		break;
	case VALUE_DIRECTORY:
		(void)fputs(" -x -a '(__fish_complete_directories)'", out);
		break;
	case VALUE_ANY:
		(void)fputs(" -x", out);
		break;
	}
}

static void fish_setting(FILE *out, const struct setting *row)
{
	bool takes_value = row->type != SETTING_SWITCH;

	(void)fputs("complete -c narwhal -l ", out);
	format_flag_name(out, row->name);
	if (row->flag != '\0')
		(void)fprintf(out, " -s %c", row->flag);
	if (takes_value)
		fish_value(out, row);
	(void)fputs(" -d '", out);
	print_plain(out, row->help, format_brief(row->help));
	(void)fputs("'\n", out);
	if (takes_value)
		return;
	(void)fputs("complete -c narwhal -l no-", out);
	format_flag_name(out, row->name);
	(void)fputs(" -d 'not'\n", out);
}

static void fish_entry(FILE *out, const struct entry *entry)
{
	if (entry->is_flag)
		(void)fprintf(out, "complete -c narwhal -l %s", entry->word);
	else
		(void)fprintf(out, "complete -c narwhal -n __fish_use_subcommand -a '%.*s'",
			(int)first_word(entry->word), entry->word);
	(void)fputs(" -d '", out);
	print_plain(out, entry->meaning, format_brief(entry->meaning));
	(void)fputs("'\n", out);
}

const struct format format_fish = {
	.name = "fish",
	.setting = fish_setting,
	.entry = fish_entry,
};
