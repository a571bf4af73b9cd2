#include <string.h>

#include "init/config_reading.h"

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static const char *const words_names[CONFIG_SOURCES] = {
	[CONFIG_GUNICORN_ARGS] = "GUNICORN_CMD_ARGS",
	[CONFIG_CMD_ARGS] = "NARWHAL_CMD_ARGS",
};

bool config_is_of_words(enum config_source source)
{
	return words_names[source] != NULL;
}

const char *config_words_name(enum config_source source)
{
	return words_names[source];
}

static bool is_flag(enum config_source source)
{
	return config_is_of_words(source) || source == CONFIG_COMMAND_LINE;
}

void config_add_name(struct text *text, enum config_source source, const char *name)
{
	if (source == CONFIG_ENVIRONMENT)
		text_add(text, CONFIG_PREFIX);
	else if (is_flag(source))
		text_add(text, "--");
	for (; *name != '\0'; name++) {
		if (source == CONFIG_ENVIRONMENT)
			text_add_char(text, upper(*name));
		else
			text_add_char(text, is_flag(source) && *name == '_' ? '-' : *name);
	}
}

/* The platform's variables, by the setting that they become. */
static const char *platform_name(const char *setting)
{
	static const struct {
		const char *name, *setting;
	} variables[] = {
#define PLATFORM(variable, setting) {#variable, #setting},
#include "init/platform.def"
#undef PLATFORM
	};
	size_t i = 0;

	while (strcmp(variables[i].setting, setting) != 0)
		i++;
	return variables[i].name;
}

static void add_file_line(const struct config *config, unsigned line, struct text *text)
{
	text_add(text, config->file);
	text_printf(text, ":%u", line);
}

void config_add_place_of(const struct config *config, struct config_origin origin,
	struct text *text)
{
	if (config_is_of_words(origin.source)) {
		text_printf(text, "%s: ", config_words_name(origin.source));
	} else if (origin.source == CONFIG_FILE) {
		add_file_line(config, origin.line, text);
		text_add(text, ": ");
	}
}

void config_add_place(const struct config *config, struct config_origin origin, const char *name,
	struct text *text)
{
	if (origin.source == CONFIG_PLATFORM)
		text_printf(text, "%s: ", platform_name(name));
	else
		config_add_place_of(config, origin, text);
	if (strcmp(name, "app") == 0) /* on a command line it has no flag */
		text_add(text, name);
	else
		config_add_name(text, origin.source, name);
}

void config_add_origin(const struct config *config, enum setting_id id, struct text *text)
{
	const char *name = settings_table[id].name;

	switch (config->origin[id].source) {
	case CONFIG_DEFAULT:
		text_add(text, "default");
		break;
	case CONFIG_PLATFORM:
		text_add(text, platform_name(name));
		break;
	case CONFIG_FILE:
		add_file_line(config, config->origin[id].line, text);
		break;
	case CONFIG_GUNICORN_ARGS:
	case CONFIG_CMD_ARGS:
		text_add(text, config_words_name(config->origin[id].source));
		break;
	case CONFIG_ENVIRONMENT:
	case CONFIG_COMMAND_LINE:
		config_add_name(text, config->origin[id].source, name);
		break;
	case CONFIG_SOURCES:
		MUST(false);
		break;
	}
}

/* What a source knows beside the settings. */
static const char *const others_of_flags[] = {
#define VERB_OF_WORD(word)
#define VERB_OF_FLAG(word) word,
#define VERB(name, word, flag, kind, help) VERB_OF_##kind(word)
#include "init/verbs.def"
#undef VERB
	"config",
	NULL,
};
static const char *const others_of_environment[] = {"config", "cmd_args", NULL};
static const char *const others_of_file[] = {"app", NULL};
static const char *const *const others[CONFIG_SOURCES] = {
	[CONFIG_ENVIRONMENT] = others_of_environment,
	[CONFIG_FILE] = others_of_file,
	[CONFIG_GUNICORN_ARGS] = others_of_flags,
	[CONFIG_CMD_ARGS] = others_of_flags,
	[CONFIG_COMMAND_LINE] = others_of_flags,
};

#define NAME_SIZE 64

/* The best so far, and how far it is from `wanted`. */
struct nearest {
	char wanted[NAME_SIZE];
	const char *name;
	unsigned distance;
};

/* Small letters, and "_" for "-": how a name is written does not make it farther. */
static void simplify(char simple[NAME_SIZE], const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++)
		simple[i] = name[i] == '-' ? '_' : lower(name[i]);
	simple[size] = '\0';
}

static void consider(struct nearest *nearest, const char *name)
{
	char simple[NAME_SIZE];
	unsigned distance;

	simplify(simple, name, strnlen(name, NAME_SIZE - 1));
	distance = text_distance(nearest->wanted, simple, nearest->distance);
	if (distance >= nearest->distance)
		return;
	nearest->name = name;
	nearest->distance = distance;
}

/* NULL when none is near: one slip in a short name, three in a long one. */
static const char *find_nearest(enum config_source source, const char *name, size_t size)
{
	struct nearest nearest = {.distance = size < 6 ? 2 : size < 9 ? 3 : 4};

	if (size >= NAME_SIZE)
		return NULL;
	simplify(nearest.wanted, name, size);
	for (size_t i = 0; i < SETTINGS; i++)
		consider(&nearest, settings_table[i].name);
	for (size_t i = 0; others[source][i] != NULL; i++)
		consider(&nearest, others[source][i]);
	return nearest.name;
}

void config_add_unknown(struct text *text, enum config_source source, const char *name, size_t size)
{
	const char *nearest = find_nearest(source, name, size);

	text_add(text, "unknown setting; ");
	text_add(text, nearest != NULL ? "nearest is " : "narwhal --help tells all");
	if (nearest != NULL)
		config_add_name(text, source, nearest);
}
