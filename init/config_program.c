#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "init/config_reading.h"
#include "init/program.h"
#include "seccomp/filter.h"
#include "seccomp/landlock.h"

#define WORDS_MAX ((size_t)128 * 1024)

/* What narwhal's own workers alone can do: to pass over one of these in silence would be a lie. */
static const struct {
	enum setting_id id;
	uint64_t choice; /* that is refused; a text is refused whatever it is */
	const char *reason;
} refused[] = {
	{SETTING_ID_bind_tls, 0, "a program behind -- would have to speak TLS by itself: use bind"},
	{SETTING_ID_reuse_port, true,
		"a program behind -- knows nothing of its own socket among several"},
	{SETTING_ID_sandbox, SANDBOX_STRICT, "allowed are app and off for a program behind --"},
	{SETTING_ID_landlock, LANDLOCK_REQUIRE,
		"which files a program behind -- needs is not known"},
};

/* Those of narwhal's own workers: with a program behind them they do nothing, and are said to. */
static const enum setting_section_id idle_sections[] = {
	SETTING_SECTION_app,
	SETTING_SECTION_http,
	SETTING_SECTION_files,
	SETTING_SECTION_proxies,
	SETTING_SECTION_tls,
};

static const enum setting_id idle_settings[] = {
	SETTING_ID_preload_app,
	SETTING_ID_max_requests,
	SETTING_ID_max_requests_jitter,
	SETTING_ID_idle_grace,
	SETTING_ID_generation_header,
	SETTING_ID_landlock,
	SETTING_ID_landlock_read,
	SETTING_ID_landlock_write,
	SETTING_ID_landlock_connect,
	SETTING_ID_rewrite_signal,
	SETTING_ID_map_exit,
	SETTING_ID_parent_death_signal,
	SETTING_ID_sweep_timeout,
	SETTING_ID_proc_name,
	SETTING_ID_accesslog,
	SETTING_ID_access_log_format,
};

static bool is_idle(enum setting_id id)
{
	const struct setting_section *section = setting_section(&settings_table[id]);

	for (size_t i = 0; i < COUNT_OF(idle_sections); i++) {
		if (section == &settings_sections[idle_sections[i]])
			return true;
	}
	for (size_t i = 0; i < COUNT_OF(idle_settings); i++) {
		if (id == idle_settings[i])
			return true;
	}
	return false;
}

/* PORT and the like are the platform's, and mean no program in particular. */
static bool is_given(const struct config *config, enum setting_id id)
{
	return config->origin[id].source > CONFIG_PLATFORM;
}

static bool is_refused(const struct config *config, size_t row)
{
	const struct setting *setting = &settings_table[refused[row].id];
	const void *at = (const char *)&config->settings + setting->offset;

	if (!is_given(config, refused[row].id))
		return false;
	if (setting_is_text(setting))
		return *(const char *const *)at != NULL;
	if (setting->type == SETTING_SWITCH)
		return *(const bool *)at == (refused[row].choice != 0);
	return *(const uint64_t *)at == refused[row].choice;
}

static int refuse_settings(struct config_reading *reading)
{
	const struct config *config = reading->config;

	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		enum setting_id id = refused[i].id;

		if (!is_refused(config, i))
			continue;
		config_add_place(config, config->origin[id], settings_table[id].name, reading->why);
		text_printf(reading->why, ": %s", refused[i].reason);
		return -EINVAL;
	}
	return 0;
}

static void warn_of_idle(struct config *config)
{
	struct text text = config_warnings(config);

	for (enum setting_id id = 0; id < SETTINGS; id++) {
		if (!is_given(config, id) || !is_idle(id))
			continue;
		config_add_place(config, config->origin[id], settings_table[id].name, &text);
		text_add(&text, ": does nothing for a program behind --\n");
	}
}

/* What cannot be known of a program is what a strict sandbox is for it. */
static int settle_program(struct config_reading *reading)
{
	struct config *config = reading->config;
	int error = refuse_settings(reading);

	if (error != 0)
		return error;
	warn_of_idle(config);
	if (config->settings.sandbox == SANDBOX_STRICT)
		config->settings.sandbox = SANDBOX_APP;
	config->settings.landlock = LANDLOCK_OFF;
	config->settings.preload_app = false;
	return 0;
}

/* With a bind it serves: then it is the app, and written as one. */
static int make_app(struct config_reading *reading)
{
	struct config *config = reading->config;
	struct text text = {.bytes = malloc(WORDS_MAX), .size = WORDS_MAX};

	if (text.bytes == NULL)
		return -ENOMEM;
	text_add(&text, "--");
	words_join(config->program, &text);
	if (text.cut) {
		free(text.bytes);
		text_printf(reading->why,
			"the program behind -- and its words are too long: "
			"allowed are %zu bytes",
			WORDS_MAX);
		return -E2BIG;
	}
	config->app = realloc(text.bytes, text.used + 1);
	config->app_origin = (struct config_origin){.source = CONFIG_COMMAND_LINE};
	return 0;
}

static int refuse_both(struct config_reading *reading)
{
	const char *app = reading->config->app;

	text_add(reading->why, "both an app, \"");
	text_add_escaped(reading->why, app, strlen(app), false);
	text_add(reading->why, "\", and a program behind --: allowed is one of them");
	return -EINVAL;
}

static int refuse_none(struct config_reading *reading)
{
	text_add(reading->why, "no app is given: allowed are a directory, a C module "
			       "(as in ./hello.so), or a program behind --");
	return -EINVAL;
}

/* An app and a program exclude each other; one of a lower source gives way. */
static int choose(struct config_reading *reading)
{
	struct config *config = reading->config;
	bool serves = config_is_of_service(config) && config->verb != CONFIG_PRINT;

	if (config->program == NULL)
		return config->app == NULL && serves ? refuse_none(reading) : 0;
	if (config->app != NULL && config->app_origin.source == CONFIG_COMMAND_LINE)
		return refuse_both(reading);
	free(config->app);
	config->app = NULL;
	return program_is_wished(config) ? 0 : make_app(reading);
}

int config_choose_app(struct config_reading *reading)
{
	int error = choose(reading);

	if (error != 0 || !words_are_program(reading->config->app))
		return error;
	return settle_program(reading);
}
