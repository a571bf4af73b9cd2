#include "service/boot.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "service/birth.h"
#include "service/confinement.h"
#include "service/exporter.h"
#include "service/forked.h"
#include "service/limits.h"
#include "service/program.h"
#include "service/sandbox.h"

/* Bytes: what of freed memory stays with the worker, and how large a single piece of it may be. */
#define MEMORY_KEPT_MAX (16 * 1024 * 1024)
#define PIECE_KEPT_MAX (4 * 1024 * 1024)

static int tie_to_parent(struct worker *worker, struct text *why)
{
	return birth_tie(&worker->heritage, why);
}

static int leave_group(struct worker *worker, struct text *why)
{
	(void)worker;
	(void)why;
	return birth_leave_group("narwhal-worker");
}

static int leave_group_as_zygote(struct worker *worker, struct text *why)
{
	(void)worker;
	(void)why;
	return birth_leave_group("narwhal-zygote");
}

static int leave_group_as_exporter(struct worker *worker, struct text *why)
{
	(void)worker;
	(void)why;
	return birth_leave_group("narwhal-metrics");
}

static int map_page(struct worker *worker, struct text *why)
{
	return birth_map_page(&worker->heritage, &worker->page, why);
}

/* An app that has a use for its file has taken another descriptor. */
static int close_page(struct worker *worker, struct text *why)
{
	(void)why;
	fd_close(&worker->heritage.page_fd);
	return 0;
}

static int take_signals(struct worker *worker, struct text *why)
{
	(void)why;
	return birth_take_signals(&worker->signal_fd);
}

static int limit_resources(struct worker *worker, struct text *why)
{
	const struct settings *settings = &worker->heritage.settings;

	limits_offer(settings, &worker->log);
	return limits_apply(settings, &worker->wanted, why);
}

static int drop_privileges(struct worker *worker, struct text *why)
{
	return birth_drop_privileges(&worker->heritage, &worker->wanted, why);
}

static int hide_memory(struct worker *worker, struct text *why)
{
	(void)why;
	return limits_hide(&worker->heritage.settings, &worker->wanted);
}

/* The arbiter's umask is for sockets, and often 0: an app's files are not for all to write. */
static int mask_others(struct worker *worker, struct text *why)
{
	(void)worker;
	(void)why;
	(void)umask(umask(0) | S_IWOTH);
	return 0;
}

static int open_host(struct worker *worker, struct text *why)
{
	struct narwhal_host *host = &worker->host;

	host->log = &worker->log;
	host->heritage = &worker->heritage;
	host->settings = &worker->heritage.settings;
	host->loop = &worker->loop;
	host->page = worker->page;
	host->disown = worker_disown;
	return host_open(host, why);
}

static int wake_host(struct worker *worker, struct text *why)
{
	(void)why;
	return host_wake(&worker->host);
}

static int load_app(struct worker *worker, struct text *why)
{
	return app_load(&worker->app, worker->heritage.app, &worker->host, why);
}

static int load_exporter(struct worker *worker, struct text *why)
{
	(void)why;
	return exporter_open(&worker->app, &worker->heritage);
}

/* In a worker that was forked, before anything else of the app's. */
static int wake_app(struct worker *worker, struct text *why)
{
	(void)why;
	worker->app.forks.child(worker->app.state);
	return 0;
}

static int start_app(struct worker *worker, struct text *why)
{
	return app_start(&worker->app, why);
}

static int open_tls(struct worker *worker, struct text *why)
{
	struct heritage *heritage = &worker->heritage;
	int error;

	if (heritage->certificates_fd <= 0)
		return 0;
	error = tls_open(&worker->tls, heritage, &worker->log, why);
	if (error == 0)
		tls_count(worker->tls, worker->page);
	return error;
}

static int open_rules(struct worker *worker, struct text *why)
{
	return origin_rules_open(&worker->rules, &worker->heritage.settings, why);
}

static int open_exchange(struct worker *worker, struct text *why)
{
	const struct settings *settings = &worker->heritage.settings;
	uint64_t after_ms[DEADLINES];

	(void)why;
	worker_durations(settings, after_ms);
	deadlines_init(&worker->deadlines, after_ms);
	worker->exchange.app = &worker->app;
	worker->exchange.page = worker->page;
	worker->exchange.rules = &worker->rules;
	worker->exchange.closing = settings->keepalive == 0;
	worker->exchange.timed = settings->metrics_bind != NULL;
	worker->exchange.limits = (struct request_limits){
		.line = settings->limit_request_line,
		.fields = settings->limit_request_fields,
		.field_size = settings->limit_request_field_size,
		.head = settings->limit_request_head,
		.body = settings->limit_request_body,
		.refuse_underscore = settings->header_map == 1,
	};
	if (settings->generation_header != 0)
		stamp_tell_generation(&worker->stamp, worker->heritage.generation);
	worker->scratch = malloc(WORKER_SCRATCH);
	if (worker->scratch == NULL)
		return -ENOMEM;
	return exchange_open(&worker->exchange);
}

/*
 * Bodies come and go: given back to the kernel each time, their pages would be zeroed and mapped
 * anew for each request, which costs more than to read them. What is larger goes back at once.
 */
static int keep_memory(struct worker *worker, struct text *why)
{
	(void)worker;
	(void)why;
	(void)mallopt(M_MMAP_THRESHOLD, PIECE_KEPT_MAX);
	(void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_MAX);
	return 0;
}

/* "-" is the standard output, as we were born with it. */
static int open_access_log(struct worker *worker, struct text *why)
{
	const struct settings *settings = &worker->heritage.settings;
	const struct access_home home = {
		.loop = &worker->loop,
		.log = &worker->log,
		.dropped = &worker->page->access_dropped,
		.generation = worker->heritage.generation,
	};

	if (settings->accesslog == NULL)
		return 0;
	worker->exchange.access = &worker->access;
	return access_open(&worker->access, settings->access_log_format, &worker->access_fd, &home,
		why);
}

static int open_loop(struct worker *worker, struct text *why)
{
	int error = loop_open(&worker->loop);

	(void)why;
	worker->channel =
		(struct watch){.fd = worker->heritage.channel_fd, .ready = worker_channel_ready};
	worker->signals = (struct watch){.fd = worker->signal_fd, .ready = worker_signal_ready};
	if (error == 0)
		error = loop_add(&worker->loop, &worker->channel, EPOLLIN);
	if (error == 0)
		error = loop_add(&worker->loop, &worker->signals, EPOLLIN);
	return error;
}

static int open_listeners(struct worker *worker, struct text *why)
{
	/* One more, for a new connection before which an idle one has to go. */
	int error = pool_open(&worker->pool, worker->heritage.settings.worker_connections + 1);

	(void)why;
	worker->now_ms = clock_ms();
	return error == 0 ? acceptors_open(worker) : error;
}

/* When it asks to be replaced; by chance, so that not all workers do so at once. */
static int limit_requests(struct worker *worker, struct text *why)
{
	const struct settings *settings = &worker->heritage.settings;
	uint64_t random = 0;

	(void)why;
	worker->spent_after = UINT64_MAX;
	if (settings->max_requests == 0)
		return 0;
	if (settings->max_requests_jitter != 0 &&
		getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		return -errno;
	worker->spent_after = settings->max_requests + random % (settings->max_requests_jitter + 1);
	return 0;
}

/* A filter may forbid those calls. */
static int ask_kernel(struct worker *worker, struct text *why)
{
	return birth_ask_kernel(&worker->wanted, &worker->status_fd, why);
}

/* What is true when the first client comes, whatever the app has done meanwhile. */
static int read_back(struct worker *worker, struct text *why)
{
	return birth_read_back(&worker->wanted, &worker->status_fd, why);
}

static int say_ready(struct worker *worker, struct text *why)
{
	(void)why;
	return channel_send(worker->heritage.channel_fd, MESSAGE_READY, NULL, 0);
}

/* Who takes a step. */
enum {
	ALONE = 1 << BOOT_ALONE,
	ZYGOTE = 1 << BOOT_ZYGOTE,
	FORKED = 1 << BOOT_FORKED,
	PROGRAM = 1 << BOOT_PROGRAM,
	EXPORTER = 1 << BOOT_EXPORTER,
	LOADS = ALONE | ZYGOTE,		    /* who is forked has it from there */
	FRESH = LOADS | PROGRAM | EXPORTER, /* was exec'd: who is forked inherits that */
	WORKS = ALONE | FORKED,
	SERVES = WORKS | EXPORTER,
	STAYS = LOADS | SERVES, /* and does not become another program */
	EVERY = STAYS | PROGRAM,
};

static const struct boot_step {
	const char *name;
	int (*run)(struct worker *worker, struct text *why);
	enum exits status;
	unsigned who;
} steps[] = {
	{"parent-death signal", tie_to_parent, EXIT_BOOT, EVERY},
	{"go-ahead", forked_await, EXIT_BOOT, FORKED},
	{"process group", leave_group, EXIT_BOOT, WORKS | PROGRAM},
	{"process group", leave_group_as_zygote, EXIT_BOOT, ZYGOTE},
	{"process group", leave_group_as_exporter, EXIT_BOOT, EXPORTER},
	{"shared page", map_page, EXIT_BOOT, STAYS},
	{"signals", take_signals, EXIT_BOOT, STAYS},
	{"limits", limit_resources, EXIT_BOOT, FRESH},
	{"privileges", drop_privileges, EXIT_BOOT, FRESH},
	/* Again: the kernel forgot it when the ids changed (prctl(2)). */
	{"parent-death signal", tie_to_parent, EXIT_BOOT, FRESH},
	{"dumpable flag", hide_memory, EXIT_BOOT, FRESH},
	{"umask", mask_others, EXIT_BOOT, FRESH},
	{"fork_child", wake_app, EXIT_BOOT, FORKED},
	{"bind_tls", open_tls, EXIT_USAGE, WORKS},
	{"proxies", open_rules, EXIT_BOOT, SERVES},
	{"memory", open_exchange, EXIT_BOOT, SERVES},
	{"memory to keep", keep_memory, EXIT_BOOT, LOADS | EXPORTER},
	{"event loop", open_loop, EXIT_BOOT, SERVES},
	{"options", open_host, EXIT_APP, LOADS | EXPORTER},
	{"wake-up", wake_host, EXIT_BOOT, SERVES},
	{"app", load_app, EXIT_APP, LOADS},
	{"memory", load_exporter, EXIT_BOOT, EXPORTER},
	{"shared page", close_page, EXIT_BOOT, STAYS},
	{"worker_init", start_app, EXIT_BOOT, SERVES},
	{"access log", open_access_log, EXIT_BOOT, SERVES},
	{"listeners", open_listeners, EXIT_BOOT, SERVES},
	{"max_requests", limit_requests, EXIT_BOOT, SERVES},
	{"program", program_plan, EXIT_BOOT, PROGRAM},
	{"what the kernel says", ask_kernel, EXIT_BOOT, EVERY},
	{"warm-up", sandbox_warm_up, EXIT_BOOT, LOADS | EXPORTER},
	{"landlock", confinement_enter, EXIT_BOOT, SERVES},
	{"sandbox", sandbox_enter, EXIT_BOOT, SERVES | PROGRAM},
	{"/proc/self/status", read_back, EXIT_BOOT, EVERY},
	{"channel", say_ready, EXIT_BOOT, STAYS},
	{"program", program_execute, EXIT_APP, PROGRAM},
};

static const enum message_type messages[] = {
	[EXIT_USAGE] = MESSAGE_SETTING_FAILED,
	[EXIT_BOOT] = MESSAGE_BOOT_FAILED,
	[EXIT_APP] = MESSAGE_LOAD_FAILED,
};

static enum exits fail(struct worker *worker, const struct boot_step *step, int error,
	struct text *why)
{
	if (why->used == 0)
		text_printf(why, "%s: %s", step->name, strerror(-error));
	(void)!channel_send(worker->heritage.channel_fd, messages[step->status], why->bytes,
		why->used);
	return step->status;
}

enum exits boot_run(struct worker *worker, enum boot_kind kind)
{
	char bytes[CHANNEL_PAYLOAD_MAX];
	struct text why = TEXT_OVER(bytes);

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		int error = (steps[i].who & 1U << kind) != 0 ? steps[i].run(worker, &why) : 0;

		if (error != 0)
			return fail(worker, &steps[i], error, &why);
	}
	return EXIT_OK;
}

/* Before privileges go: the standard output may be one that root alone may open anew. */
static void take_access_log(struct worker *worker)
{
	const char *name = worker->heritage.settings.accesslog;

	if (name != NULL && strcmp(name, "-") == 0)
		worker->access_fd = log_descriptor(STDOUT_FILENO);
	else if (worker->heritage.access_fd > 0)
		worker->access_fd = worker->heritage.access_fd;
}

void boot_begin(struct worker *worker, const struct heritage *heritage)
{
	*worker = (struct worker){
		.step = WORKER_SERVING,
		.heritage = *heritage,
		.signal_fd = -1,
		.status_fd = -1,
		.access_fd = -1,
		.loop = {.epoll_fd = -1},
		.host = {.wake = {.fd = -1}},
	};
	access_init(&worker->access);
	worker->log = (struct log){
		.fd = log_descriptor(STDERR_FILENO),
		.level = (enum log_level)worker->heritage.settings.loglevel,
		.json = worker->heritage.settings.log_format == 1,
	};
	take_access_log(worker);
}
