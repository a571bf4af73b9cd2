#include "init/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_rules.h"
#include "base/words.h"
#include "init/config_reading.h"
#include "init/raw_env.h"
#include "seccomp/calls.h"
#include "seccomp/filter.h"

static void add_quoted(struct text *text, const char *value)
{
	text_add(text, ": \"");
	text_add_escaped(text, value, strlen(value), false);
	text_add(text, "\" ");
}

static int refuse_again(struct config_reading *reading, struct config_origin origin,
	const char *name, unsigned first)
{
	config_add_place(reading->config, origin, name, reading->why);
	text_printf(reading->why, ": given twice, first at line %u", first);
	return -EINVAL;
}

int config_set(struct config_reading *reading, struct config_origin origin,
	const struct setting *row, const char *value)
{
	struct config *config = reading->config;
	struct config_origin *before = &config->origin[row - settings_table];
	bool again = before->source == origin.source;
	char bytes[512];
	struct text reason = TEXT_OVER(bytes);
	int error;

	if (again && origin.source == CONFIG_FILE && !setting_is_list(row))
		return refuse_again(reading, origin, row->name, before->line);
	error = setting_read(row, gunicorn_value(row, value), again, &config->settings, &reason);
	if (error == -EINVAL || error == -ERANGE) {
		config_add_place(config, origin, row->name, reading->why);
		add_quoted(reading->why, value);
		text_add(reading->why, bytes);
		return -EINVAL;
	}
	*before = origin;
	return error;
}

int config_set_app(struct config_reading *reading, struct config_origin origin, const char *value)
{
	struct config *config = reading->config;
	bool again = config->app != NULL && config->app_origin.source == origin.source;
	char *copy;

	if (again && origin.source == CONFIG_FILE)
		return refuse_again(reading, origin, "app", config->app_origin.line);
	if (again || value[0] == '\0') {
		config_add_place(config, origin, "app", reading->why);
		add_quoted(reading->why, value);
		text_add(reading->why, again ? "is a second app: allowed is one; the first is \""
					     : "is not the name of an app");
		if (again) {
			text_add_escaped(reading->why, config->app, strlen(config->app), false);
			text_add_char(reading->why, '"');
		}
		return -EINVAL;
	}
	copy = strdup(value);
	if (copy == NULL)
		return -ENOMEM;
	free(config->app);
	config->app = copy;
	config->app_origin = origin;
	return 0;
}

void config_pass_over(struct config_reading *reading, struct config_origin origin,
	const struct gunicorn *row, const char *written, size_t size)
{
	struct text text = config_warnings(reading->config);
	bool *before = &reading->passed_over[row - gunicorn_table];

	if (*before)
		return;
	*before = true;
	config_add_place_of(reading->config, origin, &text);
	text_add_bytes(&text, written, size);
	text_printf(&text, "%s%s of Gunicorn has no meaning here: %s\n", size > 0 ? ": " : "",
		row->name, row->remark);
}

struct text config_warnings(struct config *config)
{
	return (struct text){.bytes = config->warnings,
		.size = sizeof(config->warnings),
		.used = strlen(config->warnings)};
}

static int split_words(struct config_reading *reading, enum config_source source)
{
	const char *value = config_variable(reading->input->envp, config_words_name(source));
	int error = value == NULL ? 0 : words_split(value, &reading->words[source]);

	if (error == -EINVAL)
		text_printf(reading->why, "%s: ends inside a quote, or with a backslash",
			config_words_name(source));
	return error;
}

static int read_words(struct config_reading *reading, enum config_source source,
	enum config_pass pass)
{
	if (reading->words[source] == NULL)
		return 0;
	return config_read_flags(reading, source, reading->words[source], pass);
}

/* A program behind -- may be Gunicorn itself: then they are its own. */
static bool are_ours(const struct config *config)
{
	return config->program == NULL && !words_are_program(config->app);
}

/*
 * Who asks a service that runs, as a probe does, cannot know whose words they are, and does not
 * judge them.
 */
static int forgive(struct config_reading *reading, int error)
{
	if (error != -EINVAL || config_is_of_service(reading->config))
		return error;
	reading->why->used = 0;
	reading->why->bytes[0] = '\0';
	return 0;
}

/* Which config file it is, must be known before the sources below and above it are read. */
static int find_file(struct config_reading *reading)
{
	int error = split_words(reading, CONFIG_CMD_ARGS);

	if (error == 0 && are_ours(reading->config))
		error = forgive(reading, split_words(reading, CONFIG_GUNICORN_ARGS));
	if (error != 0 || reading->file != NULL)
		return error;
	reading->file = config_variable(reading->input->envp, CONFIG_PREFIX "CONFIG");
	reading->file_source = CONFIG_ENVIRONMENT;
	if (config_is_of_service(reading->config))
		error = read_words(reading, CONFIG_GUNICORN_ARGS, CONFIG_PASS_VERB);
	return error == 0 ? read_words(reading, CONFIG_CMD_ARGS, CONFIG_PASS_VERB) : error;
}

static int read_gunicorn_args(struct config_reading *reading)
{
	if (!are_ours(reading->config))
		return 0;
	return forgive(reading, read_words(reading, CONFIG_GUNICORN_ARGS, CONFIG_PASS_SETTINGS));
}

static int read_cmd_args(struct config_reading *reading)
{
	return read_words(reading, CONFIG_CMD_ARGS, CONFIG_PASS_SETTINGS);
}

static int read_command_line(struct config_reading *reading)
{
	return config_read_flags(reading, CONFIG_COMMAND_LINE, reading->input->argv + 1,
		CONFIG_PASS_SETTINGS);
}

/* Some values have a grammar of their own. */
static int check_grammars(struct config_reading *reading)
{
	struct config *config = reading->config;
	char bytes[512];
	struct text reason = TEXT_OVER(bytes);
	enum setting_id fault;
	int error = file_rules_check(&config->settings, &fault, &reason);

	if (error == 0) {
		fault = SETTING_ID_sandbox_allow;
		error = calls_check(config->settings.sandbox_allow, &reason);
	}
	if (error == 0) {
		fault = SETTING_ID_raw_env;
		error = raw_env_check(config->settings.raw_env, &reason);
	}
	if (error == 0)
		return 0;
	config_add_place(config, config->origin[fault], settings_table[fault].name, reading->why);
	text_add(reading->why, ": ");
	text_add(reading->why, bytes);
	return error;
}

/* From the lowest source to the highest. */
static int (*const sources[])(struct config_reading *reading) = {
	find_file,
	config_read_platform,
	config_read_environment,
	config_read_file,
	read_gunicorn_args,
	read_cmd_args,
	read_command_line,
	config_choose_app,
	check_grammars,
	config_look_beside,
};

/* Of a reload, too: it reads the same words. */
static void learn(struct config *config)
{
	if (config->verb == CONFIG_LEARN)
		config->settings.sandbox_mode = SANDBOX_LOG;
}

int config_read(struct config *config, const struct config_input *input, struct text *why)
{
	struct config_reading reading = {.config = config, .input = input, .why = why};
	int error;

	*config = (struct config){.verb = CONFIG_SERVE};
	error = settings_init(&config->settings);
	if (error == 0)
		error = config_read_flags(&reading, CONFIG_COMMAND_LINE, input->argv + 1,
			CONFIG_PASS_VERB);
	if (config_needs_nothing(config))
		goto out;
	for (size_t i = 0; error == 0 && i < COUNT_OF(sources); i++)
		error = sources[i](&reading);
	learn(config);
out:
	for (size_t i = 0; i < CONFIG_SOURCES; i++)
		free(reading.words[i]);
	if (error != 0)
		config_free(config);
	return error;
}

void config_free(struct config *config)
{
	settings_free(&config->settings);
	free(config->app);
	free(config->file);
	config->app = NULL;
	config->file = NULL;
}
