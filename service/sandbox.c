#include "service/sandbox.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <time.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "seccomp/filter.h"
#include "service/tls.h"

/* As large as an array must be for qsort(3) to ask how much memory the machine has. */
#define SORTED 512

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * pthread_exit(3) and pthread_cancel(3) open it when they are first called. Where it is missing
 * they end the process, with the C library's own words.
 */
static void load_unwinder(const struct worker *worker)
{
	if (calls_lists(worker->app.needs.calls, "clone") ||
		calls_lists(worker->heritage.settings.sandbox_allow, "clone"))
		(void)dlopen("libgcc_s.so.1", RTLD_NOW);
}

/* What the C library does once, when it is first asked, is done while it may. */
int sandbox_warm_up(struct worker *worker, struct text *why)
{
	int numbers[SORTED] = {0};
	char bytes[64];
	time_t now = clock_wall_ms() / 1000;
	struct tm local;

	(void)why;
	load_unwinder(worker);
	qsort(numbers, SORTED, sizeof(*numbers), compare);
	/* The time zone's file: tzset(3). */
	(void)strftime(bytes, sizeof(bytes), "%A %B %Z", localtime_r(&now, &local));
	return 0;
}

int sandbox_enter(struct worker *worker, struct text *why)
{
	const struct settings *settings = &worker->heritage.settings;
	const struct filter_plan plan = {
		.role = settings->sandbox == SANDBOX_APP ? CALLS_APP : worker->app.role,
		.needs = worker->app.needs.calls,
		.allowed = settings->sandbox_allow,
		.ktls = tls_uses_kernel(worker->tls),
		.build = true,
		.log = settings->sandbox_mode == SANDBOX_LOG,
	};
	FD_SCOPED listener_fd = -1;
	int error;

	if (settings->sandbox == SANDBOX_OFF)
		return 0;
	if (worker->app.needs.calls != NULL)
		log_info(&worker->log, "sandbox_needs", log_string("app", worker->app.module->name),
			log_string("calls", worker->app.needs.calls));
	error = filter_load(&plan, &listener_fd, why);
	readback_want(&worker->wanted, READBACK_SECCOMP, SECCOMP_MODE_FILTER);
	worker->wanted.value[READBACK_FILTERS]++; /* if somebody told how many there were */
	if (error != 0 || listener_fd < 0)
		return error;
	return channel_send_fd(worker->heritage.channel_fd, MESSAGE_CONFINED, listener_fd);
}
