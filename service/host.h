/*
 * host.h - what the worker is to its app, besides requests: options, log, counters, and the time,
 * the descriptors and the threads that belong to the app. Behind narwhal/host.h.
 */
#ifndef SERVICE_HOST_H
#define SERVICE_HOST_H

#include <stdatomic.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/page.h"
#include "base/settings.h"
#include "base/text.h"
#include "narwhal/host.h"
#include "service/timers.h"

struct narwhal_host {
	struct log *log;
	const struct heritage *heritage;
	const struct settings *settings; /* of it */
	struct loop *loop;
	struct page *page;
	/* In a child that the app has forked, and that never serves: closes what is the worker's.
	 */
	void (*disown)(struct narwhal_host *host);
	char *options; /* "name=value" each, NUL-terminated, and an empty one behind the last */
	struct timers timers;
	bool at_once;	   /* the worker was told to leave so, by SIGINT or SIGQUIT */
	bool outgrown;	   /* what the app needs by now, only a new worker can have */
	struct watch wake; /* an eventfd, which is owned: something was posted */
	_Atomic(struct narwhal_task *) posted; /* the last first */
};

/* `log`, `heritage`, `settings`, `loop` and `page` are set. 0, or -errno with `why`. */
MUST_USE int host_open(struct narwhal_host *host, struct text *why);
/* In a worker, whose loop is open: what is posted is run, also what was posted before. 0, -errno.
 */
MUST_USE int host_wake(struct narwhal_host *host);
/* Also after a host_open() that failed, or none. */
void host_close(struct narwhal_host *host);
/* What the app has counted, if anything: for when the worker leaves. */
void host_tell_counters(const struct narwhal_host *host);
/* Runs what was posted up to now; whether there was anything. */
bool host_run_posted(struct narwhal_host *host);
/* Lets the app do what is due. */
void host_tick(struct narwhal_host *host, uint64_t now_ms);

/* Not in a zygote, which loads the app for others. */
static inline bool host_has_loop(const struct narwhal_host *host)
{
	return host->loop->epoll_fd >= 0;
}

static inline uint64_t host_nearest(const struct narwhal_host *host)
{
	return timers_nearest(&host->timers);
}

#endif
