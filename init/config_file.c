#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/words.h"
#include "init/config_reading.h"

#define STANDARD_FILE "narwhal.conf"
#define PYTHON_FILE "gunicorn.conf.py" /* what Gunicorn reads if nothing else is said */

/*
 * libinih cuts lines that are too long for it, merges indented lines into the value above them,
 * cuts values at " ;", skips what it does not understand and tells its handler no line number,
 * all depending on how it was built. So it is fed line by line, by a reader that knows where it is
 * and hands it only lines that mean the same to each of its builds.
 */
struct file {
	struct config_reading *reading;
	FILE *stream;
	unsigned line;
	int error; /* of the first refusal: then the stream ends */
};

static void refuse(struct file *file, const char *wrong)
{
	text_printf(file->reading->why, "%s:%u: %s", file->reading->config->file, file->line,
		wrong);
	file->error = -EINVAL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A comment behind a value is read by some builds as a part of it; and '#' by all of them. */
static bool has_comment_behind(const char *line)
{
	for (; *line != '\0'; line++) {
		if (is_blank(line[0]) && (line[1] == ';' || line[1] == '#'))
			return true;
	}
	return false;
}

static bool has_control(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

/* "[name]", `size` bytes. */
static void check_section(struct file *file, const char *line, size_t size)
{
	struct text *why = file->reading->why;

	for (size_t i = 0; i < SETTING_SECTIONS; i++) {
		const char *name = settings_sections[i].name;

		if (size == strlen(name) + 2 && line[size - 1] == ']' &&
			memcmp(line + 1, name, size - 2) == 0)
			return;
	}
	refuse(file, "");
	text_add_escaped(why, line, size, false);
	text_add(why, " is an unknown section: allowed are ");
	for (size_t i = 0; i < SETTING_SECTIONS; i++)
		text_printf(why, "%s[%s]", i == 0 ? "" : ", ", settings_sections[i].name);
}

/* `line` without its end, `size` bytes, trailing spaces not counted. */
static void check_line(struct file *file, const char *line, size_t size)
{
	size_t indent = strspn(line, " \t");

	if (has_control(line, size))
		refuse(file, "has a control character");
	else if (indent >= size || line[indent] == '#' || line[indent] == ';')
		return;
	else if (indent > 0)
		refuse(file, "begins with a space: a value cannot go on over lines");
	else if (has_comment_behind(line))
		refuse(file, "has a comment behind it: a comment needs a line of its own");
	else if (line[0] == '[')
		check_section(file, line, size);
	else if (strpbrk(line, "=:") == NULL)
		refuse(file, "is neither \"name = value\" nor [section]");
}

/* As fgets(3): one line, but never a part of one; false at the end or on an error. */
static bool fetch_line(struct file *file, char *bytes, size_t room, size_t *size)
{
	int c = '\0';

	*size = 0;
	file->line++;
	while (c != '\n' && (c = getc(file->stream)) != EOF) {
		bytes[(*size)++] = (char)c;
		if (*size < room - 1 || c == '\n')
			continue;
		refuse(file, "is too long: ");
		text_printf(file->reading->why, "allowed are %zu bytes a line", room - 2);
		return false;
	}
	bytes[*size] = '\0';
	return *size > 0;
}

/* An ini_reader. */
static char *read_line(char *bytes, int room, void *stream)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8: some editors begin with it */
	struct file *file = stream;
	size_t size, end;

	if (file->error != 0 || !fetch_line(file, bytes, (size_t)room, &size))
		return NULL;
	if (file->line == 1 && size >= 3 && memcmp(bytes, mark, 3) == 0) {
		size -= 3;
		memmove(bytes, bytes + 3, size + 1);
	}
	end = size;
	if (end > 0 && bytes[end - 1] == '\n')
		end--;
	if (end > 0 && end < size && bytes[end - 1] == '\r')
		end--;
	while (end > 0 && is_blank(bytes[end - 1]))
		end--;
	check_line(file, bytes, end);
	return file->error == 0 ? bytes : NULL;
}

static int refuse_name(struct file *file, const char *name)
{
	const struct gunicorn *gunicorn = gunicorn_named(name);

	refuse(file, "");
	if (gunicorn != NULL && gunicorn->fate == GUNICORN_PYTHON) {
		text_printf(file->reading->why,
			"%s: is a function of Python: allowed is %s, the file that it stands in",
			name, gunicorn->to);
		return -EINVAL;
	}
	text_add_escaped(file->reading->why, name, strlen(name), false);
	text_add(file->reading->why, ": ");
	config_add_unknown(file->reading->why, CONFIG_FILE, name, strlen(name));
	return -EINVAL;
}

static enum gunicorn_fate fate_of(const struct gunicorn *gunicorn)
{
	return gunicorn != NULL ? gunicorn->fate : GUNICORN_ASKED;
}

static int refuse_section(struct file *file, const char *name, const char *section, size_t right)
{
	refuse(file, "");
	text_printf(file->reading->why, "%s: does not belong in [%s]: allowed is [%s]", name,
		section, settings_sections[right].name);
	return -EINVAL;
}

static int set_name(struct file *file, const char *section, const char *name, const char *value)
{
	const struct config_origin origin = {.source = CONFIG_FILE, .line = file->line};
	const struct gunicorn *gunicorn = gunicorn_named(name);
	const struct setting *row = setting_named(name, strlen(name));
	bool is_app = strcmp(name, "app") == 0 || fate_of(gunicorn) == GUNICORN_APP;
	size_t right = SETTING_SECTION_arbiter;

	if (row == NULL && gunicorn != NULL)
		row = gunicorn_setting(gunicorn);
	if (row == NULL && fate_of(gunicorn) == GUNICORN_NOTHING) {
		config_pass_over(file->reading, origin, gunicorn, "", 0);
		return 0;
	}
	if (row == NULL && !is_app)
		return refuse_name(file, name);
	if (row != NULL)
		right = (size_t)(setting_section(row) - settings_sections);
	if (section[0] != '\0' && strcmp(section, settings_sections[right].name) != 0)
		return refuse_section(file, name, section, right);
	return is_app ? config_set_app(file->reading, origin, value)
		      : config_set(file->reading, origin, row, value);
}

/* An ini_handler: not 0 means "go on". */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
	struct file *file = user;

	if (file->error == 0)
		file->error = set_name(file, section, name, value);
	return file->error == 0;
}

static int parse(struct config_reading *reading, FILE *stream)
{
	struct file file = {.reading = reading, .stream = stream};
	int result = ini_parse_stream(read_line, &file, take_pair, &file);

	if (file.error != 0)
		return file.error;
	if (ferror(stream)) {
		text_printf(reading->why, "%s: cannot be read: %s", reading->config->file,
			strerrordesc_np(errno));
		return -EIO;
	}
	if (result > 0) {
		file.line = (unsigned)result;
		refuse(&file, "is neither \"name = value\" nor [section]");
	}
	return result < 0 ? -ENOMEM : file.error;
}

static int refuse_file(struct config_reading *reading, int error)
{
	text_add(reading->why, reading->config->file);
	text_printf(reading->why, ": cannot be opened: %s", strerrordesc_np(error));
	if (reading->file != NULL) {
		text_add(reading->why, " (from ");
		config_add_name(reading->why, reading->file_source, "config");
		text_add_char(reading->why, ')');
	}
	return -error;
}

/* Gunicorn's own: a program of Python, or the name of a module that is one. */
static bool is_python(const char *name)
{
	size_t size = strlen(name);

	return strncmp(name, "python:", 7) == 0 ||
	       (size > 3 && strcmp(name + size - 3, ".py") == 0);
}

/* Gunicorn writes "file:PATH" as well, and "python:MODULE", whose file only Python can find. */
static int refuse_python(struct config_reading *reading, const char *name)
{
	const char *file =
		strncmp(name, "file:", strlen("file:")) == 0 ? name + strlen("file:") : name;

	if (strncmp(name, "python:", strlen("python:")) == 0)
		file = "FILE";
	text_printf(reading->why,
		"%s: is a config file of Gunicorn's, which is Python: narwhal import-gunicorn %s "
		"makes one for narwhal of it",
		name, file);
	return -EINVAL;
}

/* The file nobody asked for may be missing: then there is none, and *stream stays NULL. */
static int open_file(struct config_reading *reading, FILE **stream)
{
	struct config *config = reading->config;
	int fd = openat(reading->input->directory_fd, config->file, O_RDONLY | O_CLOEXEC);
	int error = errno;

	if (fd < 0 && error == ENOENT && reading->file == NULL) {
		free(config->file);
		config->file = NULL;
		return 0;
	}
	if (fd < 0)
		return refuse_file(reading, error);
	*stream = fdopen(fd, "r");
	if (*stream != NULL)
		return 0;
	fd_close(&fd);
	return -ENOMEM;
}

int config_read_file(struct config_reading *reading)
{
	FILE *stream = NULL;
	int error;

	reading->config->file = strdup(reading->file != NULL ? reading->file : STANDARD_FILE);
	if (reading->config->file == NULL)
		return -ENOMEM;
	if (is_python(reading->config->file))
		return refuse_python(reading, reading->config->file);
	error = open_file(reading, &stream);
	if (error != 0 || stream == NULL)
		return error;
	error = parse(reading, stream);
	(void)fclose(stream);
	return error;
}

bool config_file_holds(const char *name, const char *value, size_t size)
{
	/* "name = value", the ends of the line as on other systems, and the NUL. */
	if (strlen(name) + strlen(" = ") + size + sizeof("\r\n") > INI_MAX_LINE)
		return false;
	for (size_t i = 0; i + 1 < size; i++) {
		if (is_blank(value[i]) && (value[i + 1] == ';' || value[i + 1] == '#'))
			return false;
	}
	if (size > 0 && (is_blank(value[0]) || is_blank(value[size - 1]) || value[0] == ';' ||
				value[0] == '#'))
		return false;
	return !has_control(value, size);
}

/* An app by the name of a module, as Gunicorn's are. */
static bool is_module(const char *app)
{
	return app != NULL && strchr(app, '/') == NULL && !words_are_program(app);
}

/* As a worker tells them apart (service/app.c), but for a folder that is named without a slash. */
static bool is_wsgi(const char *app)
{
	const char *end = app != NULL ? strrchr(app, '.') : NULL;

	return is_module(app) && (end == NULL || strcmp(end, ".so") != 0);
}

int config_look_beside(struct config_reading *reading)
{
	struct config *config = reading->config;
	const struct config_origin origin = config->origin[SETTING_ID_gunicorn_conf];
	struct text text = config_warnings(config);

	/* Of a program behind -- all that does nothing is told elsewhere. */
	if (config->settings.gunicorn_conf != NULL && config->app != NULL &&
		!words_are_program(config->app) && !is_wsgi(config->app)) {
		config_add_place(config, origin, "gunicorn_conf", &text);
		text_add(&text, ": does nothing: its hooks are called for a WSGI app alone\n");
	}
	if (config->file == NULL && config->settings.gunicorn_conf == NULL &&
		is_module(config->app) &&
		faccessat(reading->input->directory_fd, PYTHON_FILE, F_OK, 0) == 0)
		text_add(&text,
			PYTHON_FILE ": is here and not read: narwhal import-gunicorn " PYTHON_FILE
				    " makes a config file of it\n");
	return 0;
}
