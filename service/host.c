#include "service/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

/* "a=1,b=2" as strings one behind the other. */
static int split_options(struct narwhal_host *host, struct text *why)
{
	const char *given = host->settings->app_options;
	size_t size = given != NULL ? strlen(given) : 0;
	char *options = malloc(size + 2);

	if (options == NULL)
		return -ENOMEM;
	host->options = options;
	if (size != 0)
		(void)memcpy(options, given, size);
	options[size] = '\0';
	options[size + 1] = '\0';
	for (char *next = options; *next != '\0'; next += strlen(next) + 1) {
		char *end = strchrnul(next, ',');
		const char *equals = strchr(next, '=');

		*end = '\0';
		if (equals != NULL && equals < end && equals != next)
			continue;
		text_printf(why, "app_options: \"%s\": allowed is NAME=VALUE", next);
		return -EINVAL;
	}
	return 0;
}

bool host_run_posted(struct narwhal_host *host)
{
	struct narwhal_task *task, *first = NULL;
	bool any;

	task = atomic_exchange(&host->posted, NULL);
	while (task != NULL) {
		struct narwhal_task *earlier = task->next;

		task->next = first;
		first = task;
		task = earlier;
	}
	any = first != NULL;
	while (first != NULL) {
		task = first;
		first = task->next;
		task->run(task); /* which may free it */
	}
	return any;
}

static void run_posted(struct watch *watch, uint32_t events)
{
	struct narwhal_host *host = CONTAINER_OF(watch, struct narwhal_host, wake);
	uint64_t count;

	(void)events;
	(void)!read(watch->fd, &count, sizeof(count));
	(void)host_run_posted(host);
}

int host_open(struct narwhal_host *host, struct text *why)
{
	return split_options(host, why);
}

int host_wake(struct narwhal_host *host)
{
	const uint64_t one = 1;
	struct narwhal_task *none = NULL;

	host->wake = (struct watch){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.ready = run_posted,
	};
	if (host->wake.fd < 0)
		return -errno;
	/* Written, not looked at: a thread that posts behind this sees the descriptor. A load could
	 * go before the store of it, on any CPU, and then neither would see the other. */
	if (!atomic_compare_exchange_strong(&host->posted, &none, NULL))
		(void)!write(host->wake.fd, &one, sizeof(one));
	return loop_add(host->loop, &host->wake, EPOLLIN);
}

void host_close(struct narwhal_host *host)
{
	timers_free(&host->timers);
	free(host->options);
	host->options = NULL;
	fd_close(&host->wake.fd);
}

EXPORT const char *narwhal_option(const struct narwhal_host *host, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = host->options; *at != '\0'; at += strlen(at) + 1) {
		if (strncmp(at, name, size) == 0 && at[size] == '=')
			return at + size + 1;
	}
	return NULL;
}

EXPORT void narwhal_log(const struct narwhal_host *host, enum narwhal_level level,
	const char *message)
{
	static const enum log_level levels[] = {
		[NARWHAL_DEBUG] = LOG_DEBUG,
		[NARWHAL_INFO] = LOG_INFO,
		[NARWHAL_WARNING] = LOG_WARNING,
		[NARWHAL_ERROR] = LOG_ERROR,
	};

	log_at(host->log, level < COUNT_OF(levels) ? levels[level] : LOG_ERROR, "app",
		log_string("message", message));
}

EXPORT void narwhal_post(struct narwhal_host *host, struct narwhal_task *task)
{
	const uint64_t one = 1;
	struct narwhal_task *before = atomic_load(&host->posted);

	do
		task->next = before;
	while (!atomic_compare_exchange_weak(&host->posted, &before, task));
	/* Who finds others there knows that the worker was called already. */
	if (before == NULL)
		(void)!write(host->wake.fd, &one, sizeof(one));
}

/* The memory is the page's: the arbiter reads it while we write. */
EXPORT struct narwhal_counter *narwhal_counter(struct narwhal_host *host, const char *name)
{
	struct page *page = host->page;
	uint32_t count = atomic_load_explicit(&page->counters, memory_order_relaxed);

	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(page->counter[i].name, name) == 0)
			return (struct narwhal_counter *)&page->counter[i];
	}
	if (count == PAGE_COUNTERS || !page_is_counter_name(name))
		return NULL;
	(void)memcpy(page->counter[count].name, name, strlen(name) + 1);
	atomic_store_explicit(&page->counters, count + 1, memory_order_release);
	return (struct narwhal_counter *)&page->counter[count];
}

EXPORT void narwhal_counter_add(struct narwhal_counter *counter, uint64_t n)
{
	struct page_counter *counted = (struct page_counter *)counter;

	if (counted != NULL)
		(void)atomic_fetch_add_explicit(&counted->value, n, memory_order_relaxed);
}

void host_tell_counters(const struct narwhal_host *host)
{
	struct log_field fields[PAGE_COUNTERS + 1];
	const struct page *page = host->page;
	uint32_t count = atomic_load_explicit(&page->counters, memory_order_relaxed);

	if (count == 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		fields[i] = log_uint(page->counter[i].name,
			atomic_load_explicit(&page->counter[i].value, memory_order_relaxed));
	fields[count] = (struct log_field){.kind = LOG_FIELD_END};
	log_write(host->log, LOG_INFO, "app_counters", fields);
}

struct narwhal_timer {
	struct timer timer;
	struct narwhal_host *host;
	void (*due)(void *state);
	void *state;
};

EXPORT struct narwhal_timer *narwhal_timer_new(struct narwhal_host *host, void (*due)(void *state),
	void *state)
{
	struct narwhal_timer *timer = malloc(sizeof(*timer));

	if (timer == NULL || timers_promise(&host->timers) != 0) {
		free(timer);
		return NULL;
	}
	*timer = (struct narwhal_timer){.host = host, .due = due, .state = state};
	return timer;
}

EXPORT void narwhal_timer_set(struct narwhal_timer *timer, uint64_t ms)
{
	uint64_t now_ms = clock_ms();

	timer_set(&timer->host->timers, &timer->timer,
		ms < CLOCK_NEVER - now_ms ? now_ms + ms : CLOCK_NEVER);
}

EXPORT void narwhal_timer_stop(struct narwhal_timer *timer)
{
	timer_stop(&timer->host->timers, &timer->timer);
}

EXPORT void narwhal_timer_free(struct narwhal_timer *timer)
{
	if (timer == NULL)
		return;
	timers_forget(&timer->host->timers, &timer->timer);
	free(timer);
}

void host_tick(struct narwhal_host *host, uint64_t now_ms)
{
	struct timer *due;

	while ((due = timers_take_due(&host->timers, now_ms)) != NULL) {
		const struct narwhal_timer *timer = CONTAINER_OF(due, struct narwhal_timer, timer);

		timer->due(timer->state); /* which may free it */
	}
}

struct narwhal_watch {
	struct watch watch;
	struct narwhal_host *host;
	void (*ready)(void *state, unsigned events);
	void *state;
};

static uint32_t asked_for(unsigned events)
{
	return ((events & NARWHAL_READABLE) != 0 ? EPOLLIN | EPOLLRDHUP : 0) |
	       ((events & NARWHAL_WRITABLE) != 0 ? EPOLLOUT : 0);
}

/* An error is both: whoever tries then hears of it. */
static void watch_ready(struct watch *watched, uint32_t events)
{
	const struct narwhal_watch *watch = CONTAINER_OF(watched, struct narwhal_watch, watch);
	unsigned told = 0;

	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		told |= NARWHAL_READABLE;
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		told |= NARWHAL_WRITABLE;
	watch->ready(watch->state, told); /* which may free it */
}

EXPORT struct narwhal_watch *narwhal_watch_new(struct narwhal_host *host, int fd,
	void (*ready)(void *state, unsigned events), void *state)
{
	struct narwhal_watch *watch = malloc(sizeof(*watch));

	if (watch == NULL)
		return NULL;
	*watch = (struct narwhal_watch){
		.watch = {.fd = fd, .ready = watch_ready},
		.host = host,
		.ready = ready,
		.state = state,
	};
	if (loop_add(host->loop, &watch->watch, 0) == 0)
		return watch;
	free(watch);
	return NULL;
}

EXPORT int narwhal_watch_for(struct narwhal_watch *watch, unsigned events)
{
	return loop_change(watch->host->loop, &watch->watch, asked_for(events));
}

EXPORT void narwhal_watch_free(struct narwhal_watch *watch)
{
	if (watch == NULL)
		return;
	loop_drop(watch->host->loop, &watch->watch);
	free(watch);
}
