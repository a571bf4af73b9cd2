#include "init/generation.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/kernel_tls.h"
#include "init/attendant.h"
#include "init/check.h"
#include "init/image.h"
#include "init/inherit.h"
#include "init/logfile.h"
#include "init/outsider.h"
#include "init/shards.h"
#include "init/tickets.h"
#include "seccomp/filter.h"

/* What when_ready names must stay what it was: a file that the arbiter writes, or one that it runs.
 */
static int open_hooks(struct generation *generation, const struct generation *before,
	struct text *why)
{
	const struct settings *s = &generation->config.settings;
	int error = hook_book_read(s, &generation->hooks, why);
	bool has_file = error == 0 && generation->hooks->ready_file != NULL;

	if (error != 0 || before == NULL || has_file == (before->hooks->ready_file != NULL))
		return error;
	text_printf(why, "when_ready: %s: %s: restart for that", s->when_ready,
		has_file ? "is no program any more" : "has become a program");
	return -EINVAL;
}

int generation_addresses(const struct config *config, struct address_list *addresses,
	struct text *why)
{
	struct inherit_question question = inherit_question();
	struct inherit inherit;
	int error = inherit_read(&question, getpid(), &inherit, why);

	if (error != 0)
		return error;
	return inherit_addresses(&inherit, &config->settings,
		config->origin[SETTING_ID_bind].source != CONFIG_DEFAULT, addresses, why);
}

/* A reload brings no new program: the file may be another by now. An upgrade does. */
static int open_image(struct generation *generation, const struct generation *before,
	struct text *why)
{
	if (before == NULL || before->foreign)
		return image_open(generation->config.settings.worker_image, &generation->image_fd,
			why);
	generation->image_fd = fd_duplicate(before->image_fd);
	if (generation->image_fd >= 0)
		return 0;
	text_printf(why, "worker_image: %s", strerror(-generation->image_fd));
	return generation->image_fd;
}

/* Each worker gets it opened anew; here only whether that can be. */
static int try_access_log(const struct settings *settings, struct text *why)
{
	FD_SCOPED fd = logfile_open_access(settings, why);

	return fd < 0 && why->used != 0 ? fd : 0;
}

static int open_metrics(struct generation *generation, const struct legacy *legacy,
	const struct address_list *addresses, struct text *why)
{
	const struct settings *s = &generation->config.settings;
	const struct listener_sources sources = {
		.before = legacy->before != NULL ? &legacy->before->metrics : NULL,
		.shelf = legacy->shelf,
		.inherited = legacy->inherited,
	};

	return listener_set_open(&generation->metrics, addresses, (int)s->backlog, &sources, why);
}

static int open_parts(struct generation *generation, const struct legacy *legacy, struct text *why)
{
	const struct settings *s = &generation->config.settings;
	struct users_question question = users_question(s);
	struct listener_sources sources = {
		.before = legacy->before != NULL ? &legacy->before->listeners : NULL,
		.shelf = legacy->shelf,
		.inherited = legacy->inherited,
		.blocking = outsider_is_wished(generation),
	};
	struct address_list addresses, metrics;
	size_t shards = 1;
	int error = users_resolve(&question, &generation->users, why);

	if (error == 0)
		error = check_landlock(s, why);
	if (error == 0)
		error = try_access_log(s, why);
	if (error == 0)
		error = open_image(generation, legacy->before, why);
	if (error == 0)
		error = open_hooks(generation, legacy->before, why);
	if (error == 0)
		error = certificates_open(s, &generation->certificates, why);
	if (error == 0)
		error = generation_addresses(&generation->config, &addresses, why);
	if (error == 0)
		error = inherit_metrics(s, &addresses, &metrics, why);
	if (error == 0)
		error = shards_count(s->reuse_port, &sources, &addresses, &shards, why);
	if (error == 0)
		error = shards_expand(&addresses, shards, why);
	if (error != 0)
		return error;
	error = listener_set_open(&generation->listeners, &addresses, (int)s->backlog, &sources,
		why);
	if (error == 0)
		error = open_metrics(generation, legacy, &metrics, why);
	return error == 0 ? outsider_check(generation, why) : error;
}

int generation_open(struct generation *generation, uint64_t number, struct config *config,
	const struct legacy *legacy, struct text *why)
{
	int error;

	*generation = (struct generation){.number = number,
		.config = *config,
		.image_fd = -1,
		.certificates = {-1, -1}};
	*config = (struct config){0};
	generation->tickets = tickets_wanted(&generation->config.settings);
	error = open_parts(generation, legacy, why);
	if (error != 0)
		generation_close(generation);
	return error;
}

/* Each worker finds that out for itself; one line will do. */
static void warn_of_ktls(const struct settings *settings, struct log *log)
{
	int error = settings->ktls && settings->bind_tls != NULL ? kernel_tls_probe() : 0;

	if (error != 0)
		log_warning(log, "ktls_missing", log_errno("error", error),
			log_string("remedy", kernel_tls_remedy(error)));
}

void generation_warn(const struct settings *settings, struct log *log)
{
	const char *list = settings->sandbox_allow;
	char name[CALLS_NAME];

	warn_of_ktls(settings, log);
	if (settings->sandbox == SANDBOX_OFF)
		log_warning(log, "sandbox_off", log_string("setting", "sandbox"));
	while (settings->sandbox != SANDBOX_OFF && calls_item(&list, name)) {
		if (calls_danger(name) != NULL)
			log_warning(log, "sandbox_weakened", log_string("call", name),
				log_string("danger", calls_danger(name)));
	}
}

void generation_close(struct generation *generation)
{
	if (generation->number == 0)
		return;
	listener_set_close(&generation->listeners);
	listener_set_close(&generation->metrics);
	hook_book_release(generation->hooks);
	fd_close(&generation->image_fd);
	certificates_close(&generation->certificates);
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
		.attendants = attendant_wanted(s),
	};
}
