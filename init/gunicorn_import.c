#include "init/gunicorn_import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "init/config_reading.h"
#include "init/gunicorn_read.h"

#define COMMENT_WIDTH 98
#define WORD_MAX 160 /* a line of the file has 198 bytes */
#define VALUE_MAX 100

struct writing {
	const struct gunicorn_findings *findings;
	const char *path;
	FILE *out;
	const struct setting_section *section; /* whose title was written last; NULL: none yet */
};

/* Whatever stands in `words`, it stays a comment. */
static void write_comment(FILE *out, const char *words)
{
	size_t column = 1;

	(void)fputc('#', out);
	while (*words != '\0') {
		size_t size = strcspn(words, " ");
		size_t shown = size < WORD_MAX ? size : WORD_MAX;

		if (column > 1 && column + 1 + shown > COMMENT_WIDTH) {
			(void)fputs("\n#", out);
			column = 1;
		}
		(void)fprintf(out, " %.*s", (int)shown, words);
		column += 1 + shown;
		words += size + (words[size] == ' ');
	}
	(void)fputc('\n', out);
}

static void begin_section(struct writing *w, const struct setting *row)
{
	const struct setting_section *section = setting_section(row);

	if (w->section != section)
		(void)fprintf(w->out, "\n[%s]\n", section->name);
	w->section = section;
}

static void write_line(struct writing *w, const struct setting *row, const char *value)
{
	begin_section(w, row);
	(void)fprintf(w->out, *value != '\0' ? "%s = %s\n" : "%s =%s\n", row->name, value);
}

static void write_app(const struct writing *w)
{
	for (size_t i = 0; i < w->findings->count; i++) {
		const struct gunicorn_finding *finding = &w->findings->item[i];

		if (finding->row->fate == GUNICORN_APP && finding->kind == FINDING_TEXT &&
			config_file_holds("app", finding->value, strlen(finding->value)))
			(void)fprintf(w->out, "\napp = %s\n", finding->value);
	}
}

static void write_values(struct writing *w, const struct setting *row)
{
	bool worked = false;

	for (size_t i = 0; i < w->findings->count; i++) {
		const struct gunicorn_finding *finding = &w->findings->item[i];

		if (finding->setting != row)
			continue;
		worked = worked || finding->kind == FINDING_WORKED;
		if (finding->kind != FINDING_TEXT || finding->why[0] != '\0')
			continue;
		begin_section(w, row);
		if (worked)
			write_comment(w->out, "worked out by the file, as it was here and then:");
		worked = false;
		write_line(w, row, finding->value);
	}
}

/* Gunicorn binds what it always binds, and speaks TLS there. */
static void write_default_tls(struct writing *w)
{
	for (size_t i = 0; i < w->findings->count; i++) {
		if (w->findings->item[i].row == &gunicorn_table[GUNICORN_ROW_bind])
			return;
	}
	write_line(w, &settings_table[SETTING_ID_bind_tls],
		settings_table[SETTING_ID_bind].standard);
}

/* Whether the file has that hook. */
static bool is_hook(const struct gunicorn_finding *finding, enum gunicorn_fate fate,
	const struct setting *row)
{
	return finding->row->fate == fate && finding->kind != FINDING_WORKED &&
	       strcmp(finding->row->to, row->name) == 0;
}

static void write_program(struct writing *w, const struct setting *row)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	for (size_t i = 0; i < w->findings->count; i++) {
		if (!is_hook(&w->findings->item[i], GUNICORN_PROGRAM, row))
			continue;
		begin_section(w, row);
		text_printf(&text,
			"%s is a function of the file, and here a program (docs/HOOKS.md): %s",
			row->name, row->help);
		write_comment(w->out, bytes);
		(void)fprintf(w->out, "# %s = FILE\n", row->name);
		return;
	}
}

static void write_python(struct writing *w, const struct setting *row)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	for (size_t i = 0; i < w->findings->count; i++) {
		if (is_hook(&w->findings->item[i], GUNICORN_PYTHON, row))
			text_printf(&text, "%s%s", text.used > 0 ? ", " : "",
				w->findings->item[i].row->name);
	}
	if (text.used == 0)
		return;
	text_add(&text, ": called in workers, from the file itself");
	begin_section(w, row);
	write_comment(w->out, bytes);
	if (config_file_holds(row->name, w->path, strlen(w->path)))
		write_line(w, row, w->path);
	else
		write_comment(w->out, "the name of the file is more than a line can hold");
}

static bool is_left_out(const struct gunicorn_finding *finding)
{
	/* A switch that is off, and no --no-SWITCH that would be. */
	bool is_off = finding->row->value == GUNICORN_NO_VALUE && finding->kind == FINDING_TEXT &&
		      strcmp(finding->value, "false") == 0 &&
		      strncmp(finding->row->flags, "no-", 3) != 0;

	return finding->why[0] != '\0' && finding->kind != FINDING_WORKED && !is_off;
}

static void write_left_out(const struct writing *w)
{
	const char *title = "\n# Not carried over:\n#\n";
	char bytes[4 * VALUE_MAX + 512];

	for (size_t i = 0; i < w->findings->count; i++) {
		const struct gunicorn_finding *finding = &w->findings->item[i];
		size_t size = strnlen(finding->value, VALUE_MAX + 1);
		struct text text = TEXT_OVER(bytes);

		if (!is_left_out(finding))
			continue;
		(void)fputs(title, w->out);
		title = "";
		text_add(&text, finding->row->name);
		if (finding->kind == FINDING_TEXT) {
			text_add(&text, " = ");
			text_add_escaped(&text, finding->value, size < VALUE_MAX ? size : VALUE_MAX,
				false);
			text_add(&text, size > VALUE_MAX ? "..." : "");
		}
		text_printf(&text, ": %s", finding->why);
		write_comment(w->out, bytes);
	}
}

void gunicorn_import_write(const struct gunicorn_findings *findings, const char *path, FILE *out)
{
	struct writing w = {.findings = findings, .path = path, .out = out};

	write_app(&w);
	for (size_t i = 0; i < SETTINGS; i++) {
		write_values(&w, &settings_table[i]);
		write_program(&w, &settings_table[i]);
		write_python(&w, &settings_table[i]);
		if (findings->tls && i == SETTING_ID_bind_tls)
			write_default_tls(&w);
	}
	write_left_out(&w);
}

int gunicorn_import(const struct settings *settings, const char *file, FILE *out, struct text *why)
{
	struct gunicorn_findings findings = {0};
	char *text = NULL, *path = realpath(file, NULL);
	int error = gunicorn_read(settings, file, &text, why);

	if (error == 0)
		error = path != NULL ? gunicorn_findings_read(text, &findings) : -ENOENT;
	if (error == 0) {
		write_comment(out, "Made of a config file of Gunicorn's by narwhal "
				   "import-gunicorn: docs/FROM-GUNICORN.md has all its names.");
		gunicorn_import_write(&findings, path, out);
		error = fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
	}
	if (error != 0 && why->used == 0)
		text_printf(why, "%s: %s", file, strerror(-error));
	gunicorn_findings_free(&findings);
	free(text);
	free(path);
	return error;
}
