#include "init/generation.h"

static int open_parts(struct generation *generation, struct generation *before, struct text *why)
{
	const struct settings *s = &generation->config.settings;
	struct users_question question = users_question(s->user, s->group);
	struct address_list addresses;
	int error = users_resolve(&question, &generation->users, why);

	if (error == 0)
		error = address_parse_list(s->bind, &addresses, why);
	if (error != 0)
		return error;
	return listener_set_open(&generation->listeners, &addresses, (int)s->backlog,
		before != NULL ? &before->listeners : NULL, why);
}

int generation_open(struct generation *generation, uint64_t number, struct config *config,
	struct generation *before, struct text *why)
{
	int error;

	*generation = (struct generation){.number = number, .config = *config};
	*config = (struct config){0};
	error = open_parts(generation, before, why);
	if (error != 0)
		generation_close(generation);
	return error;
}

void generation_close(struct generation *generation)
{
	if (generation->number == 0)
		return;
	listener_set_close(&generation->listeners);
	config_free(&generation->config);
	*generation = (struct generation){0};
}

struct crew generation_crew(const struct generation *generation)
{
	const struct settings *s = &generation->config.settings;

	return (struct crew){
		.generation = generation->number,
		.workers = (unsigned)s->workers,
		.min_ready = (unsigned)s->min_ready,
		.surge = (unsigned)(s->reload_surge != 0 ? s->reload_surge : s->workers),
	};
}
