/*
 * config_reading.h - what the readers of the sources share; for config*.c alone.
 *
 * A reader turns its source into calls of config_set(), and refuses what it does not know.
 */
#ifndef INIT_CONFIG_READING_H
#define INIT_CONFIG_READING_H

#include "init/config.h"
#include "init/gunicorn.h"

#define CONFIG_PREFIX "NARWHAL_"

/* The kinds of init/verbs.def: the first word, or a flag. */
enum verb_kind {
	WORD,
	FLAG,
};

struct config_reading {
	struct config *config;
	const struct config_input *input;
	struct text *why;
	char **words[CONFIG_SOURCES]; /* of a variable that holds flags; owned, one allocation each
				       */
	const char *file;	      /* the config file that was asked for, or NULL; borrowed */
	enum config_source file_source;
	bool passed_over[GUNICORN_ROWS];
};

/* config.c: one value of one source. */
MUST_USE int config_set(struct config_reading *reading, struct config_origin origin,
	const struct setting *row, const char *value);
MUST_USE int config_set_app(struct config_reading *reading, struct config_origin origin,
	const char *value);

/* What Gunicorn alone has, and `size` bytes of the flag that it was: a warning, the first time. */
void config_pass_over(struct config_reading *reading, struct config_origin origin,
	const struct gunicorn *row, const char *written, size_t size);
/* What stands behind the warnings so far. */
struct text config_warnings(struct config *config);

/* config_names.c: the variable that such a source is, as in "NARWHAL_CMD_ARGS". */
bool config_is_of_words(enum config_source source) PURE;
const char *config_words_name(enum config_source source) PURE;

/* config_names.c: how a source writes a name, and where something stands. */
void config_add_name(struct text *text, enum config_source source, const char *name);
/* "app.conf:7: workers", "--workers", "PORT: bind": the beginning of a refusal. */
void config_add_place(const struct config *config, struct config_origin origin, const char *name,
	struct text *text);
/* The same without a name: "app.conf:7: ", "GUNICORN_CMD_ARGS: ", and nothing for a flag. */
void config_add_place_of(const struct config *config, struct config_origin origin,
	struct text *text);
/* "unknown setting; nearest is --workers"; `size` bytes of `name` count. */
void config_add_unknown(struct text *text, enum config_source source, const char *name,
	size_t size);

/* config_environment.c */
const char *config_variable(char **envp, const char *name); /* NULL when not set, or empty */
MUST_USE int config_read_platform(struct config_reading *reading);
MUST_USE int config_read_environment(struct config_reading *reading);

/* config_file.c */
MUST_USE int config_read_file(struct config_reading *reading);
/* The last step: Gunicorn would have read a file that we do not. */
MUST_USE int config_look_beside(struct config_reading *reading);
/* Whether a line of the file can hold this value, and give it back unchanged. */
bool config_file_holds(const char *name, const char *value, size_t size) PURE;

/* config_program.c: an app and a program behind -- become one app, or are refused. */
MUST_USE int config_choose_app(struct config_reading *reading);

/* config_flags.c: the verb and the file first, without the settings; then the settings and the app.
 */
enum config_pass {
	CONFIG_PASS_VERB,
	CONFIG_PASS_SETTINGS,
};
MUST_USE int config_read_flags(struct config_reading *reading, enum config_source source,
	char **words, enum config_pass pass);

#endif
