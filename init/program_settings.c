#include "init/program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "init/arbiter.h"

static int read_death_signal(struct program *p, const char *name, struct text *why)
{
	p->death_signal = 0;
	if (name == NULL || signal_name_read(name, strlen(name), &p->death_signal) == 0)
		return 0;
	text_add(why, "parent_death_signal: \"");
	text_add_escaped(why, name, strlen(name), false);
	text_add(why, "\" is no signal: allowed are names and numbers, as in TERM or 15");
	return -EINVAL;
}

static int read_settings(struct program *p, const struct settings *s, struct text *why)
{
	int error = mapping_read_exits(s->map_exit, &p->exits, why);

	p->forward.group = s->signal_group;
	p->sweep_ms = s->sweep_timeout;
	if (error == 0)
		error = mapping_read_signals(s->rewrite_signal, &p->forward.rewrites, why);
	if (error == 0)
		error = read_death_signal(p, s->parent_death_signal, why);
	return error;
}

int program_obey(struct program *p, struct text *why)
{
	const struct settings *s = &p->bearer->current->config.settings;

	p->bearer->log = (struct log){
		.fd = log_descriptor(STDERR_FILENO),
		.level = (enum log_level)s->loglevel,
		.json = s->log_format == 1,
	};
	return read_settings(p, s, why);
}

/* Settings that a program would have to obey: to pass over one in silence would be a lie. */
static const enum setting_id refused[] = {
	SETTING_ID_user,
	SETTING_ID_group,
	SETTING_ID_initgroups,
	SETTING_ID_chdir,
	SETTING_ID_umask,
	SETTING_ID_raw_env,
};

static int refuse_settings(const struct config *config, struct text *why)
{
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		if (config->origin[refused[i]].source == CONFIG_DEFAULT)
			continue;
		text_add(why, settings_table[refused[i]].name);
		text_add(why, " (from ");
		config_add_origin(config, refused[i], why);
		text_add(why, "): is for workers; a program behind -- keeps what narwhal was "
			      "started with");
		return -EINVAL;
	}
	return 0;
}

bool program_is_wished(const struct config *config)
{
	return config->program != NULL && config->origin[SETTING_ID_bind].source <= CONFIG_PLATFORM;
}

int program_check(const struct config *config, struct text *why)
{
	struct program p = {0};
	int error = refuse_settings(config, why);

	return error == 0 ? read_settings(&p, &config->settings, why) : error;
}
