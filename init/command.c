#include "init/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exits.h"
#include "base/fd.h"
#include "init/arbiter.h"
#include "init/hook_book.h"
#include "init/image.h"
#include "init/inherit.h"
#include "init/opening.h"
#include "init/program.h"
#include "init/readiness.h"
#include "init/termination.h"
#include "init/usage.h"
#include "init/users.h"

static int complain(const char *reason)
{
	(void)fprintf(stderr, "narwhal: %s\n", reason);
	return EXIT_USAGE;
}

static int serve(struct config *config, const struct config_input *input)
{
	static const char no_worker[] = "a program behind -- and a bind: only an app serves on an "
					"address; without bind, narwhal is the program's init";
	static const char no_app[] = "no app: give a directory to serve, or a module "
				     "(./hello.so); see narwhal --help";

	if (config->app == NULL) {
		const char *reason = config->program != NULL ? no_worker : no_app;

		if (config->settings.termination_log != NULL)
			termination_leave(config->settings.termination_log, reason);
		return complain(reason);
	}
	return arbiter_serve(config, input);
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

/* The files that a start would need, and not what stands in them. */
static int check_files(const struct settings *s, struct text *why)
{
	struct hook_book *book = NULL;
	FD_SCOPED image_fd = -1;
	mode_t mode;
	int error = opening_umask(s, &mode, why);

	if (error == 0 && s->chdir != NULL && access(s->chdir, X_OK) != 0) {
		text_printf(why, "chdir: %s: %s", s->chdir, strerror(errno));
		error = -errno;
	}
	if (error == 0)
		error = image_open(s->worker_image, &image_fd, why);
	if (error == 0)
		error = hook_book_read(s, &book, why);
	if (error == 0)
		hook_book_release(book);
	return error;
}

/* What can be known of the settings without starting anything. */
static int check(struct config *config, const struct config_input *input)
{
	const struct settings *s = &config->settings;
	struct users_question question = users_question(s->user, s->group);
	struct address_list addresses;
	struct users users;
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	(void)input;
	if (program_is_wished(config))
		return program_check(config, &why) == 0 ? EXIT_OK : complain(bytes);
	if (users_resolve(&question, &users, &why) != 0 ||
		inherit_addresses(NULL, s->bind, true, &addresses, &why) != 0 ||
		check_files(s, &why) != 0)
		return complain(bytes);
	(void)fputs(config->warnings, stderr);
	return EXIT_OK;
}

static int print(struct config *config, const struct config_input *input)
{
	int error = usage_config(config, stdout);

	return error == 0 ? check(config, input) : EXIT_USAGE;
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
	[CONFIG_CHECK] = check,
	[CONFIG_PRINT] = print,
	[CONFIG_HELP] = help,
	[CONFIG_VERSION] = version,
};

int command_run(struct config *config, const struct config_input *input,
	const struct signals_found *found)
{
	int status;

	if (config->verb == CONFIG_SERVE && program_is_wished(config))
		status = program_run(config, input, found);
	else
		status = commands[config->verb](config, input);
	config_free(config);
	return status;
}
