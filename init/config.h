/*
 * config.h - what the user asked for: the settings from all their sources, the app, the verb.
 *
 * Lowest to highest: default; the platform's variables (init/platform.def); the environment
 * (NARWHAL_NAME); the config file; GUNICORN_CMD_ARGS; NARWHAL_CMD_ARGS; the command line. A higher
 * source replaces a LIST, the same one extends it. Nothing here starts, opens or checks what a
 * setting names, and the one file that is read is the config file: a reload calls config_read()
 * again.
 */
#ifndef INIT_CONFIG_H
#define INIT_CONFIG_H

#include <stddef.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"

enum config_source {
	CONFIG_DEFAULT,
	CONFIG_PLATFORM,
	CONFIG_ENVIRONMENT,
	CONFIG_FILE,
	CONFIG_GUNICORN_ARGS,
	CONFIG_CMD_ARGS,
	CONFIG_COMMAND_LINE,
	CONFIG_SOURCES
};

enum config_verb {
	CONFIG_SERVE,
#define VERB(name, word, flag, kind, help) CONFIG_##name,
#include "init/verbs.def"
#undef VERB
};

#define CONFIG_WARNINGS_MAX 8192

/* Borrowed, and the same again for a reload. */
struct config_input {
	int argc;
	char **argv; /* NULL at argv[argc], as main() has it */
	char **envp;
	int directory_fd; /* where a relative config file is looked for, or AT_FDCWD */
};

struct config_origin {
	enum config_source source;
	unsigned line; /* of the config file */
};

struct config {
	struct settings settings;
	struct config_origin origin[SETTINGS]; /* by enum setting_id */
	enum config_verb verb;

	char *app; /* owned; NULL when there is none */
	struct config_origin app_origin;

	char **program; /* what stands behind "--", in argv: NULL at the end; NULL when not given */
	int program_argc;

	char *file; /* the config file that was read, owned; NULL when there was none */

	/* Lines, each with its '\n': what looks like a mistake but stops nothing. Often empty. */
	char warnings[CONFIG_WARNINGS_MAX];
};

/*
 * 0; or -ENOMEM, or -errno with `why` naming the source, the setting, the value and what is
 * allowed: then there is nothing to free.
 */
MUST_USE int config_read(struct config *config, const struct config_input *input, struct text *why);
void config_free(struct config *config);

/* --help and the like answer at once, whatever stands behind them. */
static inline bool config_needs_nothing(const struct config *config)
{
	return config->verb == CONFIG_HELP || config->verb == CONFIG_VERSION ||
	       config->verb == CONFIG_NEW || config->verb == CONFIG_SECCOMP;
}

/* Whether it is a service that is looked at, and not one that runs already. */
static inline bool config_is_of_service(const struct config *config)
{
	return config->verb == CONFIG_SERVE || config->verb == CONFIG_CHECK ||
	       config->verb == CONFIG_CHECK_CONFIG || config->verb == CONFIG_LEARN ||
	       config->verb == CONFIG_PRINT;
}

/* Where the value of that setting is from: "default", "PORT", "app.conf:7", ... */
void config_add_origin(const struct config *config, enum setting_id id, struct text *text);

#endif
