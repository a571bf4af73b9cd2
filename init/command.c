#include "init/command.h"

#include <limits.h>
#include <stdio.h>

#include "base/exits.h"
#include "base/words.h"
#include "init/arbiter.h"
#include "init/check.h"
#include "init/gunicorn_import.h"
#include "init/liveness.h"
#include "init/program.h"
#include "init/readiness.h"
#include "init/rehearsal.h"
#include "init/scaffold.h"
#include "init/request.h"
#include "init/seccomp_command.h"
#include "init/status_ask.h"
#include "init/survey_look.h"
#include "init/survey_report.h"
#include "init/termination.h"
#include "init/usage.h"
#include "seccomp/filter.h"

#define ALIVE_MS 2000

static int complain(const char *reason)
{
	(void)fprintf(stderr, "narwhal: %s\n", reason);
	return EXIT_USAGE;
}

static int serve(struct config *config, const struct config_input *input)
{
	static const char no_app[] = "no app: give a directory to serve, or a module "
				     "(./hello.so); see narwhal --help";

	if (config->app == NULL) {
		if (config->settings.termination_log != NULL)
			termination_leave(config->settings.termination_log, no_app);
		return complain(no_app);
	}
	return arbiter_serve(config, input);
}

static int learn(struct config *config, const struct config_input *input)
{
	if (config->settings.sandbox == SANDBOX_OFF)
		return complain("seccomp learn: sandbox is off: there is nothing that it refuses");
	return serve(config, input);
}

static int ready(struct config *config, const struct config_input *input)
{
	const char *path = config->settings.when_ready;
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	(void)input;
	if (path == NULL)
		return complain("ready: the setting when_ready names no file: give it as the "
				"service has it");
	return readiness_check(path, &why) == 0 ? EXIT_OK : complain(bytes);
}

static int alive(struct config *config, const struct config_input *input)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	pid_t pid = request_find(&config->settings, &why);

	(void)input;
	return pid > 0 && liveness_check(pid, ALIVE_MS, &why) == 0 ? EXIT_OK : complain(bytes);
}

/* The one that is named, or as the other verbs find it. */
static int status(struct config *config, const struct config_input *input)
{
	bool is_named = config->app != NULL && config->app_origin.source == CONFIG_COMMAND_LINE;
	bool json = config->settings.status_format == 1;
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	pid_t pid = is_named ? request_find_pid(config->app, &why)
			     : request_find(&config->settings, &why);

	(void)input;
	return pid > 0 && status_ask(pid, json, stdout, &why) == 0 ? EXIT_OK : complain(bytes);
}

/* How it goes, the arbiter's log says. */
static int request(const struct config *config, enum request request)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	pid_t pid = request_find(&config->settings, &why);

	return pid > 0 && request_send(pid, request, &why) == 0 ? EXIT_OK : complain(bytes);
}

/* An image that was asked for here and now: what file and environment say, the arbiter knows. */
static int upgrade_to(const struct config *config)
{
	const struct settings *s = &config->settings;
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	pid_t pid = request_find(s, &why);
	enum request request = s->upgrade_hold ? REQUEST_HOLD_IMAGE : REQUEST_IMAGE;

	if (pid > 0 && request_send_image(pid, request, s->upgrade_image, &why) == 0)
		return EXIT_OK;
	return complain(bytes);
}

static int upgrade(struct config *config, const struct config_input *input)
{
	(void)input;
	if (config->origin[SETTING_ID_upgrade_image].source == CONFIG_COMMAND_LINE &&
		config->settings.upgrade_image != NULL)
		return upgrade_to(config);
	return request(config, config->settings.upgrade_hold ? REQUEST_HOLD : REQUEST_UPGRADE);
}

static int commit(struct config *config, const struct config_input *input)
{
	(void)input;
	return request(config, REQUEST_COMMIT);
}

static int rollback(struct config *config, const struct config_input *input)
{
	(void)input;
	return request(config, REQUEST_ROLLBACK);
}

/* What can be known of the settings without starting anything. */
static int check_config_alone(struct config *config, const struct config_input *input)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	int error = program_is_wished(config) ? program_check(config, &why)
					      : check_config(config, &why);

	(void)input;
	if (error != 0)
		return complain(bytes);
	(void)fputs(config->warnings, stderr);
	return EXIT_OK;
}

/* The container, too, and one worker in it. */
static int check(struct config *config, const struct config_input *input)
{
	struct survey_facts facts;
	struct text why;

	(void)input;
	if (config->app == NULL)
		return complain("check: is for a service; for a program behind -- there is "
				"narwhal --check-config");
	survey_look(config, &facts);
	why = TEXT_OVER(facts.worker_why);
	facts.is_program = words_are_program(config->app);
	facts.tried = facts.settings_why[0] == '\0' && !facts.is_program;
	if (facts.tried && rehearsal_try(config, &why) != 0 && why.used == 0)
		text_add(&why, "it could not be started");
	(void)fputs(config->warnings, stderr);
	return survey_report(&facts, config->settings.log_format == 1) ? EXIT_OK : EXIT_USAGE;
}

static int print(struct config *config, const struct config_input *input)
{
	int error = usage_config(config, stdout);

	return error == 0 ? check_config_alone(config, input) : EXIT_USAGE;
}

static int new (struct config *config, const struct config_input *input)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	(void)config;
	if (input->argc != 4 || strcmp(input->argv[1], "new") != 0 ||
		strcmp(input->argv[2], "module") != 0)
		return complain("new: what there is to write is a module: narwhal new module NAME");
	return scaffold_module(input->directory_fd, input->argv[3], &why) == 0 ? EXIT_OK
									       : complain(bytes);
}

static int import(struct config *config, const struct config_input *input)
{
	char bytes[PATH_MAX + 512];
	struct text why = TEXT_OVER(bytes);

	(void)input;
	if (config->app == NULL || config->app_origin.source != CONFIG_COMMAND_LINE)
		return complain("import-gunicorn: which file is it? "
				"narwhal import-gunicorn gunicorn.conf.py");
	return gunicorn_import(&config->settings, config->app, stdout, &why) == 0 ? EXIT_OK
										  : complain(bytes);
}

static int seccomp(struct config *config, const struct config_input *input)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	(void)config;
	return seccomp_command_run(input, stdout, &why) == 0 ? EXIT_OK : complain(bytes);
}

static int help(struct config *config, const struct config_input *input)
{
	(void)config;
	(void)input;
	return usage_help(stdout) == 0 ? EXIT_OK : EXIT_USAGE;
}

static int version(struct config *config, const struct config_input *input)
{
	(void)config;
	(void)input;
	return usage_version(stdout) == 0 ? EXIT_OK : EXIT_USAGE;
}

static int (*const commands[])(struct config *, const struct config_input *) = {
	[CONFIG_SERVE] = serve,
	[CONFIG_READY] = ready,
	[CONFIG_ALIVE] = alive,
	[CONFIG_STATUS] = status,
	[CONFIG_UPGRADE] = upgrade,
	[CONFIG_COMMIT] = commit,
	[CONFIG_ROLLBACK] = rollback,
	[CONFIG_NEW] = new,
	[CONFIG_LEARN] = learn,
	[CONFIG_IMPORT] = import,
	[CONFIG_SECCOMP] = seccomp,
	[CONFIG_CHECK] = check,
	[CONFIG_CHECK_CONFIG] = check_config_alone,
	[CONFIG_PRINT] = print,
	[CONFIG_HELP] = help,
	[CONFIG_VERSION] = version,
};

int command_run(struct config *config, const struct config_input *input,
	const struct signals_found *found)
{
	int status;

	/* What it starts may hang: whoever waits for it can end it. */
	if (config->verb == CONFIG_CHECK || config->verb == CONFIG_IMPORT)
		signals_return(found);
	if (config->verb == CONFIG_SERVE && program_is_wished(config))
		status = program_run(config, input, found);
	else
		status = commands[config->verb](config, input);
	config_free(config);
	return status;
}
