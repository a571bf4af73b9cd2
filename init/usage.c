#include "init/usage.h"

#include <errno.h>
#include <string.h>

#include "init/config_reading.h"

#define COLUMNS 100
#define INDENT 8
#define VALUE_MAX 65536
#define COMMENT_WIDTH 160

/* Words of `text`, as many a line as fit, each line indented. */
static void print_wrapped(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t size = strcspn(text, " ");
		bool fits = column != 0 && column + 1 + size <= COLUMNS;

		if (fits)
			(void)fputc(' ', out);
		else
			(void)fprintf(out, "%s%*s", column == 0 ? "" : "\n", INDENT, "");
		(void)fwrite(text, 1, size, out);
		column = fits ? column + 1 + size : INDENT + size;
		text += size + (text[size] == ' ');
	}
	(void)fputc('\n', out);
}

/* With the dashes of a command line. */
static void print_name(FILE *out, const char *name)
{
	char bytes[64];
	struct text text = TEXT_OVER(bytes);

	config_add_name(&text, CONFIG_COMMAND_LINE, name);
	(void)fputs(bytes, out);
}

/* "  -w, --workers" */
static void print_flag(FILE *out, char flag, const char *name)
{
	if (flag != '\0')
		(void)fprintf(out, "  -%c, ", flag);
	else
		(void)fputs("      ", out);
	print_name(out, name);
}

/* ", --no-reuse-port" */
static void print_negation(FILE *out, const char *name)
{
	char bytes[64];
	struct text text = TEXT_OVER(bytes);

	text_printf(&text, "no-%s", name);
	(void)fputs(", ", out);
	print_name(out, bytes);
}

static void print_setting(FILE *out, const struct setting *row)
{
	char bytes[512];
	struct text text = TEXT_OVER(bytes);

	print_flag(out, row->flag, row->name);
	if (row->type == SETTING_SWITCH)
		print_negation(out, row->name);
	else
		(void)fprintf(out, " %s", row->looks);
	(void)fputc('\n', out);
	text_add(&text, row->help);
	if (row->standard[0] != '\0') {
		text_add(&text, " (default ");
		text_add(&text, row->standard);
		text_add(&text, ")");
	}
	print_wrapped(out, bytes);
}

static void print_title(FILE *out, const struct setting_section *section)
{
	(void)fprintf(out, "\n%s [%s]\n", section->title, section->name);
}

static void print_settings(FILE *out)
{
	size_t section = 0;

	for (size_t i = 0; i < SETTINGS; i++) {
		if (section < SETTING_SECTIONS && settings_sections[section].first == i)
			print_title(out, &settings_sections[section++]);
		print_setting(out, &settings_table[i]);
	}
}

static const struct {
	const char *word;
	char flag;
	enum verb_kind kind;
	const char *help;
} verbs[] = {
#define VERB(name, word, flag, kind, help) {word, flag, kind, help},
#include "init/verbs.def"
#undef VERB
};

static void print_verbs(FILE *out)
{
	(void)fputs("\nOther things to ask for\n", out);
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (verbs[i].kind == WORD) {
			(void)fprintf(out, "  narwhal %s\n", verbs[i].word);
		} else {
			print_flag(out, verbs[i].flag, verbs[i].word);
			(void)fputc('\n', out);
		}
		print_wrapped(out, verbs[i].help);
	}
}

static const struct {
	int status;
	const char *meaning;
} exits[] = {
#define EXIT(name, status, meaning) {status, meaning},
#include "base/exits.def"
#undef EXIT
};

static const char head[] =
	"narwhal serves an app with pre-forked workers, as PID 1 of a container or anywhere.\n"
	"\n"
	"  narwhal [FLAGS] APP                 APP is a directory, or a C module (./hello.so)\n"
	"  narwhal [FLAGS] -- PROGRAM [WORDS]  any program: with a bind it serves, on descriptor "
	"3;\n"
	"                                      without one, narwhal is its init\n"
	"\n"
	"Settings come from, lowest to highest: the defaults; PORT, WEB_CONCURRENCY and\n"
	"FORWARDED_ALLOW_IPS; the environment, as in NARWHAL_WORKERS=4; the config file, as in\n"
	"workers = 4; GUNICORN_CMD_ARGS; NARWHAL_CMD_ARGS; these flags, as in --workers 4 or\n"
	"--workers=4. Gunicorn's own names are taken, too.\n"
	"\n"
	"  -c, --config FILE\n"
	"        the config file; by default NARWHAL_CONFIG, or else narwhal.conf if it is there\n";

static int finish(FILE *out)
{
	if (fflush(out) != 0)
		return errno != 0 ? -errno : -EIO;
	return ferror(out) ? -EIO : 0;
}

int usage_help(FILE *out)
{
	(void)fputs(head, out);
	print_settings(out);
	print_verbs(out);
	(void)fputs("\nExit status\n", out);
	for (size_t i = 0; i < COUNT_OF(exits); i++)
		(void)fprintf(out, "  %d     %s\n", exits[i].status, exits[i].meaning);
	return finish(out);
}

int usage_version(FILE *out)
{
	(void)fputs("narwhal " NARWHAL_VERSION "\n", out);
	return finish(out);
}

/* In lines that the reader of the file takes, too, however long it is. */
static void print_comment(FILE *out, const char *bytes, size_t size)
{
	while (size > 0) {
		size_t piece = size < COMMENT_WIDTH ? size : COMMENT_WIDTH;

		(void)fprintf(out, "# %.*s\n", (int)piece, bytes);
		bytes += piece;
		size -= piece;
	}
}

/* "name = value"; behind a # and escaped when no line of the file can hold it. */
static void print_line(FILE *out, const char *name, const char *value, size_t size)
{
	char bytes[VALUE_MAX];
	struct text text = TEXT_OVER(bytes);

	if (config_file_holds(name, value, size)) {
		(void)fprintf(out, size > 0 ? "%s = %.*s\n" : "%s =%.*s\n", name, (int)size, value);
		return;
	}
	text_printf(&text, "%s = \"", name);
	text_add_escaped(&text, value, size, false);
	text_add_char(&text, '"');
	(void)fputs("# no line of a config file can hold this value:\n", out);
	print_comment(out, text.bytes, text.used);
}

static void print_list(FILE *out, const char *name, const char *list)
{
	const char *item;
	size_t size;

	if (list == NULL)
		print_line(out, name, "", 0);
	while ((item = setting_item(&list, &size)) != NULL)
		print_line(out, name, item, size);
}

static void print_value(FILE *out, const struct config *config, size_t id)
{
	const struct setting *row = &settings_table[id];
	const char *const *string = (const void *)((const char *)&config->settings + row->offset);
	char bytes[64];
	struct text text = TEXT_OVER(bytes);

	if (setting_is_list(row)) {
		print_list(out, row->name, *string);
	} else if (setting_is_text(row)) {
		print_line(out, row->name, *string != NULL ? *string : "",
			*string != NULL ? strlen(*string) : 0);
	} else {
		setting_write(row, &config->settings, &text);
		print_line(out, row->name, bytes, text.used);
	}
}

static void print_app(FILE *out, const struct config *config)
{
	if (config->app != NULL)
		print_line(out, "app", config->app, strlen(config->app));
	for (int i = 0; i < config->program_argc; i++) {
		char bytes[VALUE_MAX];
		struct text text = TEXT_OVER(bytes);

		text_add_escaped(&text, config->program[i], strlen(config->program[i]), false);
		(void)fprintf(out, "%s \"%s\"", i == 0 ? "# --" : "", bytes);
	}
	(void)fputs(config->program_argc > 0 ? "\n" : "", out);
}

/* A source is a comment: only a file's name could break out of its line. */
static void print_origin(FILE *out, const struct config *config, size_t id)
{
	char plain[4096 + 64], bytes[4 * sizeof(plain)];
	struct text text = TEXT_OVER(plain), escaped = TEXT_OVER(bytes);

	config_add_origin(config, (enum setting_id)id, &text);
	text_add_escaped(&escaped, plain, text.used, false);
	(void)fprintf(out, "# %s\n", bytes);
}

int usage_config(const struct config *config, FILE *out)
{
	size_t section = 0;

	print_app(out, config);
	for (size_t i = 0; i < SETTINGS; i++) {
		if (section < SETTING_SECTIONS && settings_sections[section].first == i)
			(void)fprintf(out, "\n[%s]\n", settings_sections[section++].name);
		print_origin(out, config, i);
		print_value(out, config, i);
	}
	return finish(out);
}
