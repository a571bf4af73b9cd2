#include "init/opening.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/heritage.h"
#include "init/capacity.h"
#include "init/duties.h"
#include "init/herald.h"
#include "init/inherit.h"
#include "init/logfile.h"
#include "init/noticeboard.h"
#include "init/readiness.h"
#include "init/reload.h"
#include "init/signals.h"
#include "init/termination.h"
#include "seccomp/capability.h"
#include "seccomp/filter.h"

#define HURRY_MS 1000 /* between SIGQUIT or SIGABRT and SIGKILL */
#define SWEEP_MS 1000 /* between SIGTERM to every other process and SIGKILL */

static int open_log(struct arbiter *a, struct text *why)
{
	const struct settings *s = &a->current->config.settings;
	int error = s->errorlog != NULL ? logfile_open(s->errorlog, why) : 0;

	a->log = (struct log){
		.fd = log_descriptor(STDERR_FILENO),
		.level = (enum log_level)s->loglevel,
		.json = s->log_format == 1,
	};
	return error;
}

/* Before a socket of ours is opened that could take the number of one that is missing. */
static int take_inherited(struct arbiter *a, struct text *why)
{
	struct inherit_question question = inherit_question();
	struct address_list named;
	struct inherit inherit;
	int error = inherit_read(&question, getpid(), &inherit, why);

	if (error == 0)
		error = generation_addresses(&a->current->config, &named, why);
	return error == 0 ? inherit_take(&inherit, &named, &a->inherited, why) : error;
}

/* That it cannot be had stops no start. */
static int open_termination(struct arbiter *a, struct text *why)
{
	const char *path = a->current->config.settings.termination_log;
	int fd = path != NULL ? termination_open(path) : -ENOENT;

	(void)why;
	a->termination_fd = fd >= 0 ? fd : -1;
	if (fd < 0 && fd != -ENOENT)
		log_warning(&a->log, "termination_log_refused", log_string("file", path),
			log_errno("error", fd));
	return 0;
}

int opening_umask(const struct settings *s, mode_t *mode, struct text *why)
{
	char *end = NULL;
	unsigned long bits = s->umask != NULL ? strtoul(s->umask, &end, 8) : 0;

	*mode = (mode_t)bits;
	if (bits <= 0777 && (end == NULL || *end == '\0'))
		return 0;
	text_printf(why, "umask: \"%s\" is no file mode: allowed are 0 to 777, octal", s->umask);
	return -EINVAL;
}

/* Where and with which mode bits all that follows opens its files. */
int opening_directory(const struct settings *s, struct text *why)
{
	mode_t mode;
	int error = opening_umask(s, &mode, why);

	if (error != 0)
		return error;
	(void)umask(mode);
	if (s->chdir != NULL && chdir(s->chdir) != 0) {
		text_printf(why, "chdir: %s: %s", s->chdir, strerror(errno));
		return -errno;
	}
	return 0;
}

static int enter_directory(struct arbiter *a, struct text *why)
{
	return opening_directory(&a->current->config.settings, why);
}

int opening_prepare(struct arbiter *a, struct text *why)
{
	static const struct crew nobody;
	struct wish_limits wish_limits = {.sweep = SWEEP_MS};
	struct roster_limits limits = {.hurry = HURRY_MS};

	a->current = &a->made[0];
	a->candidate = &a->made[1];
	a->now_ms = clock_ms();
	a->start_fd = a->loop.epoll_fd = a->signals.fd = a->pidfile.fd = -1;
	a->noticeboard.fd = -1;
	status_socket_init(&a->status);
	sources_init(&a->sources);
	a->oom.fd = a->termination_fd = -1;
	a->retry_ms = a->reap_ms = a->introduce_ms = CLOCK_NEVER;
	tickets_init(&a->tickets);
	certificate_watch_init(&a->certificate_watch);
	upgrade_init(&a->upgrade);
	wish_init(&a->wish, &nobody, ARBITER_WORKERS_MAX, &wish_limits);
	a->heritage = malloc(HERITAGE_SIZE_MAX);
	a->children = calloc(ARBITER_CHILDREN, sizeof(*a->children));
	if (a->heritage == NULL || a->children == NULL ||
		roster_init(&a->roster, ARBITER_SLOTS, ARBITER_ATTENDANTS, &limits) != 0) {
		text_add(why, "no memory for the roster");
		return -ENOMEM;
	}
	return herald_prepare(a, why);
}

static int open_oom(struct arbiter *a, struct text *why)
{
	(void)why;
	oom_open(&a->oom, "");
	return 0;
}

static int count_workers(struct arbiter *a, struct text *why)
{
	uint64_t *workers = &a->current->config.settings.workers;

	(void)why;
	*workers = capacity_workers(*workers, ARBITER_WORKERS_MAX, &a->log);
	return 0;
}

/* Before the first worker: no other process has its name by then. */
static int open_status(struct arbiter *a, struct text *why)
{
	(void)why;
	status_socket_open(a);
	return 0;
}

static int open_pidfile(struct arbiter *a, struct text *why)
{
	const char *path = a->current->config.settings.pidfile;

	return path != NULL ? pidfile_open(&a->pidfile, path, getpid(), why) : 0;
}

static int begin_readiness(struct arbiter *a, struct text *why)
{
	const char *path = a->current->hooks->ready_file;

	return path != NULL ? readiness_begin(path, why) : 0;
}

static int open_generation(struct arbiter *a, struct text *why)
{
	const struct legacy legacy = {NULL, &a->shelf, &a->inherited};
	struct config config = a->current->config;
	int error = generation_open(a->current, a->generations, &config, &legacy, why);

	if (error != 0)
		return error;
	a->wish.crew = generation_crew(a->current);
	tickets_open(&a->tickets, &a->current->config.settings, a->now_ms, &a->log);
	reload_apply(a);
	return 0;
}

int opening_loop(struct arbiter *a, struct text *why)
{
	int error = loop_open(&a->loop);

	if (error == 0)
		error = signals_open(&a->signals, &a->loop);
	if (error != 0)
		text_printf(why, "epoll or signalfd: %s", strerror(-error));
	return error;
}

/* The rest of what root may do: no later turn, no hook and no new image has it again. */
static int give_up_capabilities(struct arbiter *a, struct text *why)
{
	const struct config *config = &a->current->config;
	struct duties_question question;
	struct address_list addresses;
	uint64_t kept = 0;
	int error = generation_addresses(config, &addresses, why);

	if (error == 0)
		error = duties_read_kept(&config->settings, &kept, why);
	if (error != 0)
		return error;
	question = duties_question(config, &addresses);
	return capability_keep(kept | duties_capabilities(&question), why);
}

/* What no worker could do, no worker is spawned for. */
static int try_sandbox(struct arbiter *a, struct text *why)
{
	const struct settings *s = &a->current->config.settings;

	generation_warn(s, &a->log);
	return s->sandbox != SANDBOX_OFF ? filter_probe(why) : 0;
}

/*
 * Workers of our own user shall get at our memory, our environment and our descriptors no more than
 * those of another one (PTRACE_MODE_*, ptrace(2)). An exec undoes it.
 */
int opening_hide(struct arbiter *a, struct text *why)
{
	(void)a;
	if (geteuid() == 0 || prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0)
		return 0;
	text_printf(why, "PR_SET_DUMPABLE: %s", strerror(errno));
	return -errno;
}

/* Not PID 1, as under systemd or in a shared PID namespace: orphans come to us all the same. */
static int become_reaper(struct arbiter *a, struct text *why)
{
	(void)a;
	if (getpid() == 1 || prctl(PR_SET_CHILD_SUBREAPER, 1) == 0)
		return 0;
	text_printf(why, "PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
	return -errno;
}

/* In this order: a second start fails at the pidfile, before it touches what the first one has. */
static int (*const openings[])(struct arbiter *, struct text *) = {
	take_inherited,
	enter_directory,
	open_log,
	open_termination,
	open_oom,
	count_workers,
	try_sandbox,
	opening_hide,
	become_reaper,
	opening_loop,
	open_pidfile,
	open_status,
	upgrade_open,
	herald_open,
	open_generation,
	begin_readiness,
	give_up_capabilities,
};

int opening_run(struct arbiter *a, struct config *config, struct text *why)
{
	int error = opening_prepare(a, why);

	descriptors_raise(&a->descriptors);
	a->generations = 1;
	a->born_ms = a->now_ms;
	a->born_wall_ms = (uint64_t)clock_wall_ms();
	*a->current = (struct generation){.number = 1,
		.config = *config,
		.image_fd = -1,
		.certificates = {-1, -1}};
	*config = (struct config){0};
	for (size_t i = 0; error == 0 && i < COUNT_OF(openings); i++)
		error = openings[i](a, why);
	if (error != 0)
		return error;
	/* What the start alone needed goes back: a container may idle for years. */
	(void)malloc_trim(0);
	return 0;
}

void opening_close(struct arbiter *a)
{
	pidfile_close(&a->pidfile); /* its path is one of the settings */
	generation_close(a->candidate);
	generation_close(a->current);
	shelf_close(&a->shelf);
	herald_close(a);
	certificate_watch_close(a);
	fd_close(&a->signals.fd);
	noticeboard_close(a);
	status_socket_close(a);
	sources_close(a);
	loop_close(&a->loop);
	oom_close(&a->oom);
	fd_close(&a->termination_fd);
	tickets_close(&a->tickets);
	upgrade_close(&a->upgrade);
	roster_free(&a->roster);
	free(a->children);
	free(a->heritage);
}
