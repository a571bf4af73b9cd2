#include <errno.h>
#include <string.h>

#include "init/config_reading.h"

static const struct verb {
	const char *word;
	char flag;
	enum verb_kind kind;
	enum config_verb verb;
} verbs[] = {
#define VERB(name, word, flag, kind, help) {word, flag, kind, CONFIG_##name},
#include "init/verbs.def"
#undef VERB
};

/* Where we are in the words of one source. */
struct flags {
	struct config_reading *reading;
	struct config_origin origin;
	enum config_pass pass;
	char **next;
	size_t positionals;
};

/* One flag: a setting, a verb, or neither: the config file's. */
struct flag {
	const char *written; /* "--wokers", or "-w" */
	size_t size;	     /* of `written`, without its value */
	const char *value;   /* what stands in the same word, or NULL */
	const struct setting *row;
	const struct verb *verb;
	const struct gunicorn *gunicorn; /* what Gunicorn has it for, if it does */
	bool negated;			 /* --no-name */
};

static int refuse(struct flags *flags, const char *word, size_t size, const char *wrong)
{
	struct text *why = flags->reading->why;

	if (config_is_of_words(flags->origin.source))
		text_printf(why, "%s: ", config_words_name(flags->origin.source));
	text_add_escaped(why, word, size, false);
	text_add(why, ": ");
	text_add(why, wrong);
	return -EINVAL;
}

static int refuse_unknown(struct flags *flags, const struct flag *flag)
{
	size_t dashes = strspn(flag->written, "-");

	(void)refuse(flags, flag->written, flag->size, "");
	config_add_unknown(flags->reading->why, flags->origin.source, flag->written + dashes,
		flag->size - dashes);
	return -EINVAL;
}

static bool is_same(const char *a, const char *b, size_t size)
{
	return text_is_same_name(a, b, size) && a[size] == '\0';
}

static const struct verb *verb_named(enum verb_kind kind, const char *name, size_t size)
{
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (verbs[i].kind == kind && strnlen(verbs[i].word, size + 1) == size &&
			is_same(verbs[i].word, name, size))
			return &verbs[i];
	}
	return NULL;
}

/* The file that is read: the higher source was asked first, and the last word of it counts. */
static void take_file(struct flags *flags, const char *value)
{
	flags->reading->file = value;
	flags->reading->file_source = flags->origin.source;
}

static int take_verb(struct flags *flags, const struct flag *flag)
{
	if (flag->value != NULL)
		return refuse(flags, flag->written, flag->size, "takes no value");
	if (flags->origin.source != CONFIG_COMMAND_LINE)
		return refuse(flags, flag->written, flag->size, "is for the command line only");
	flags->reading->config->verb = flag->verb->verb;
	return 0;
}

static int refuse_missing(struct flags *flags, const struct flag *flag)
{
	(void)refuse(flags, flag->written, flag->size, "needs a value: ");
	text_add(flags->reading->why, flag->row != NULL	       ? flag->row->looks
				      : flag->gunicorn != NULL ? "VALUE"
							       : "FILE");
	return -EINVAL;
}

/* A value in the next word; "--pidfile --bind" is a mistake, "--pidfile=--bind" is none. */
static int take_next(struct flags *flags, struct flag *flag)
{
	const char *next = *flags->next;

	if (next == NULL || strncmp(next, "--", 2) == 0)
		return refuse_missing(flags, flag);
	flags->next++;
	flag->value = next;
	return 0;
}

static int take_switch(struct flags *flags, struct flag *flag)
{
	if (flag->negated && flag->value != NULL)
		return refuse(flags, flag->written, flag->size, "takes no value");
	if (flag->value == NULL)
		flag->value = flag->negated ? "false" : "true";
	return 0;
}

/* "--proxy-protocol v1", and "--proxy-protocol app:app": the next word is its value if it can be.
 */
static void take_possible(struct flags *flags, struct flag *flag)
{
	const char *next = *flags->next;
	struct settings scratch = {0};
	char bytes[256];
	struct text unused = TEXT_OVER(bytes);

	MUST(!setting_is_text(flag->row));
	flag->value = "auto";
	if (next == NULL || setting_read(flag->row, next, false, &scratch, &unused) != 0)
		return;
	flag->value = next;
	flags->next++;
}

static int take_value(struct flags *flags, struct flag *flag)
{
	enum gunicorn_value kind =
		flag->gunicorn != NULL ? flag->gunicorn->value : GUNICORN_A_VALUE;

	if (flag->row != NULL && flag->row->type == SETTING_SWITCH)
		return take_switch(flags, flag);
	if (flag->value != NULL && kind == GUNICORN_NO_VALUE)
		return refuse(flags, flag->written, flag->size, "takes no value");
	if (flag->value != NULL || kind == GUNICORN_NO_VALUE)
		return 0;
	if (kind == GUNICORN_A_VALUE)
		return take_next(flags, flag);
	take_possible(flags, flag);
	return 0;
}

static int take_config(struct flags *flags, const struct flag *flag)
{
	if (flag->value[0] == '\0')
		return refuse_missing(flags, flag);
	if (flags->pass == CONFIG_PASS_VERB)
		take_file(flags, flag->value);
	return 0;
}

static int take_flag(struct flags *flags, struct flag *flag)
{
	int error;

	if (flag->verb != NULL)
		return take_verb(flags, flag);
	error = take_value(flags, flag);
	if (error != 0)
		return error;
	if (flag->row == NULL && flag->gunicorn == NULL)
		return take_config(flags, flag);
	if (flags->pass == CONFIG_PASS_VERB)
		return 0;
	if (flag->row != NULL)
		return config_set(flags->reading, flags->origin, flag->row, flag->value);
	config_pass_over(flags->reading, flags->origin, flag->gunicorn, flag->written, flag->size);
	return 0;
}

/* What Gunicorn calls otherwise, and what it alone has; but what it asks for, we have ourselves. */
static void look_at_gunicorn(struct flag *flag, const struct gunicorn *gunicorn)
{
	if (gunicorn == NULL || gunicorn->fate == GUNICORN_ASKED)
		return;
	flag->gunicorn = gunicorn;
	if (flag->row == NULL && flag->verb == NULL)
		flag->row = gunicorn_setting(gunicorn);
}

static const struct setting *negated_row(const char *name, size_t size)
{
	const struct setting *row = NULL;

	if (size > 3 && is_same("no-", name, 3))
		row = setting_named(name + 3, size - 3);
	return row != NULL && row->type == SETTING_SWITCH ? row : NULL;
}

/* Behind a verb its settings need not say its name: `upgrade --hold` is --upgrade-hold. */
static const struct setting *row_of_verb(const struct flags *flags, const char *name, size_t size)
{
	char bytes[64];
	struct text whole = TEXT_OVER(bytes);

	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (verbs[i].kind != WORD || verbs[i].verb != flags->reading->config->verb)
			continue;
		text_printf(&whole, "%s_%.*s", verbs[i].word, (int)size, name);
		return whole.cut ? NULL : setting_named(bytes, whole.used);
	}
	return NULL;
}

/* --name, --name=VALUE, --no-name */
static int take_long(struct flags *flags, const char *word)
{
	const char *name = word + 2;
	size_t size = strcspn(name, "=");
	struct flag flag = {.written = word,
		.size = size + 2,
		.value = name[size] == '=' ? name + size + 1 : NULL,
		.row = setting_named(name, size),
		.verb = verb_named(FLAG, name, size)};

	if (flag.row == NULL && flag.verb == NULL)
		flag.row = row_of_verb(flags, name, size);
	if (flag.row == NULL && flag.verb == NULL) {
		flag.row = negated_row(name, size);
		flag.negated = flag.row != NULL;
	}
	look_at_gunicorn(&flag, gunicorn_of_flag(name, size));
	if (flag.row == NULL && flag.verb == NULL && flag.gunicorn == NULL &&
		!(size == strlen("config") && is_same("config", name, size)))
		return refuse_unknown(flags, &flag);
	return take_flag(flags, &flag);
}

/* -b VALUE, -bVALUE; -b=VALUE, as Gunicorn takes it, too */
static int take_short(struct flags *flags, const char *word)
{
	const char *value = word + 2 + (word[2] == '=');
	struct flag flag = {.written = word, .size = 2, .value = word[2] != '\0' ? value : NULL};

	for (size_t i = 0; i < SETTINGS; i++) {
		if (settings_table[i].flag == word[1])
			flag.row = &settings_table[i];
	}
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (verbs[i].flag == word[1])
			flag.verb = &verbs[i];
	}
	look_at_gunicorn(&flag, gunicorn_of_short_flag(word[1]));
	if (flag.row == NULL && flag.verb == NULL && flag.gunicorn == NULL && word[1] != 'c')
		return refuse_unknown(flags, &flag);
	return take_flag(flags, &flag);
}

/* A verb may be of two words: then the next one is taken with it. */
static const struct verb *take_verb_words(struct flags *flags, const char *word)
{
	const char *next = *flags->next;
	char both[64];
	struct text text = TEXT_OVER(both);
	const struct verb *verb;

	text_printf(&text, "%s %s", word, next != NULL ? next : "");
	verb = text.cut ? NULL : verb_named(WORD, both, text.used);
	if (verb == NULL)
		return verb_named(WORD, word, strlen(word));
	flags->next++;
	return verb;
}

static int take_positional(struct flags *flags, const char *word)
{
	struct config *config = flags->reading->config;
	const struct verb *verb = NULL;

	if (flags->origin.source == CONFIG_COMMAND_LINE && flags->positionals++ == 0)
		verb = take_verb_words(flags, word);
	if (verb != NULL) {
		config->verb = verb->verb;
		return 0;
	}
	if (flags->pass == CONFIG_PASS_VERB)
		return 0;
	return config_set_app(flags->reading, flags->origin, word);
}

static int take_program(struct flags *flags)
{
	struct config *config = flags->reading->config;

	if (flags->origin.source != CONFIG_COMMAND_LINE)
		return refuse(flags, "--", 2, "is for the command line only");
	if (*flags->next == NULL)
		return refuse(flags, "--", 2, "needs a program behind it");
	if (config->verb == CONFIG_LEARN)
		return 0; /* it is a service that follows, with flags of its own */
	config->program = flags->next;
	for (config->program_argc = 0; *flags->next != NULL; flags->next++)
		config->program_argc++;
	return 0;
}

static int take_word(struct flags *flags, const char *word)
{
	if (word[0] != '-' || word[1] == '\0')
		return take_positional(flags, word);
	if (word[1] != '-')
		return take_short(flags, word);
	return word[2] != '\0' ? take_long(flags, word) : take_program(flags);
}

int config_read_flags(struct config_reading *reading, enum config_source source, char **words,
	enum config_pass pass)
{
	struct flags flags = {.reading = reading,
		.origin = {.source = source},
		.pass = pass,
		.next = words};
	int error = 0;

	while (error == 0 && *flags.next != NULL && !config_needs_nothing(reading->config))
		error = take_word(&flags, *flags.next++);
	return error;
}
