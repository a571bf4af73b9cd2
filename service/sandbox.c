#include "service/sandbox.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <time.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "seccomp/filter.h"

/* As large as an array must be for qsort(3) to ask how much memory the machine has. */
#define SORTED 512
/* Of a list of calls that is too long, the rest is refused. */
#define NEEDS_MAX 1024

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What the C library does once, when it is first asked, is done while it may. */
int sandbox_warm_up(struct worker *worker, struct text *why)
{
	int numbers[SORTED] = {0};
	char bytes[64];
	time_t now = clock_wall_ms() / 1000;
	struct tm local;

	(void)worker;
	(void)why;
	qsort(numbers, SORTED, sizeof(*numbers), compare);
	/* The time zone's file: tzset(3). */
	(void)strftime(bytes, sizeof(bytes), "%A %B %Z", localtime_r(&now, &local));
	return 0;
}

/* What the app asks for, and TLS: its random numbers are seeded anew, by the hour. */
static const char *list_needs(const struct worker *worker, struct text *list)
{
	const char *calls = worker->app.needs.calls;

	if (worker->tls == NULL)
		return calls;
	if (calls != NULL)
		text_printf(list, "%s,", calls);
	text_add(list, TLS_CALLS);
	return list->bytes;
}

int sandbox_enter(struct worker *worker, struct text *why)
{
	char bytes[NEEDS_MAX];
	struct text list = TEXT_OVER(bytes);
	const struct settings *settings = &worker->heritage.settings;
	const struct filter_plan plan = {
		.role = settings->sandbox == SANDBOX_APP ? CALLS_APP : worker->app.role,
		.needs = list_needs(worker, &list),
		.allowed = settings->sandbox_allow,
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
	if (error != 0 || listener_fd < 0)
		return error;
	return channel_send_fd(worker->heritage.channel_fd, MESSAGE_CONFINED, listener_fd);
}
