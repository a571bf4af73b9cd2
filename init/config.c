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
	error = setting_read(row, value, again, &config->settings, &reason);
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

static int split_cmd_args(struct config_reading *reading)
{
	const char *value = config_variable(reading->input->envp, CONFIG_PREFIX "CMD_ARGS");
	int error = value == NULL ? 0 : words_split(value, &reading->cmd_args);

	if (error == -EINVAL)
		text_add(reading->why,
			CONFIG_PREFIX "CMD_ARGS: ends inside a quote, or with a backslash");
	return error;
}

/* Which config file it is, must be known before the sources below and above it are read. */
static int find_file(struct config_reading *reading)
{
	int error = split_cmd_args(reading);

	if (error != 0 || reading->file != NULL)
		return error;
	reading->file = config_variable(reading->input->envp, CONFIG_PREFIX "CONFIG");
	reading->file_source = CONFIG_ENVIRONMENT;
	if (reading->cmd_args == NULL)
		return 0;
	return config_read_flags(reading, CONFIG_CMD_ARGS, reading->cmd_args, CONFIG_PASS_VERB);
}

static int read_cmd_args(struct config_reading *reading)
{
	if (reading->cmd_args == NULL)
		return 0;
	return config_read_flags(reading, CONFIG_CMD_ARGS, reading->cmd_args, CONFIG_PASS_SETTINGS);
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
	read_cmd_args,
	read_command_line,
	config_choose_app,
	check_grammars,
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
	free(reading.cmd_args);
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
