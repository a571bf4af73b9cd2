/*
 * narwhal/host.h - the worker that a module is loaded into, and what it does for the module besides
 * requests. A part of narwhal/service.h.
 *
 * Everything here and in the other headers is for the worker's own thread alone. Other threads may
 * call narwhal_post() and narwhal_counter_add(), and nothing else.
 */
#ifndef NARWHAL_HOST_H
#define NARWHAL_HOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* load() is given it; valid until worker_exit() returns. */
struct narwhal_host;

/* The value that the setting app_options (NAME=VALUE,...) gives to `name`, or NULL. */
const char *narwhal_option(const struct narwhal_host *host, const char *name);

enum narwhal_level {
	NARWHAL_DEBUG,
	NARWHAL_INFO,
	NARWHAL_WARNING,
	NARWHAL_ERROR,
};
/* One line in Narwhal's log, event "app". */
void narwhal_log(const struct narwhal_host *host, enum narwhal_level level, const char *message);

/*
 * Counters of this worker, which stand where Narwhal sees them; when the worker leaves in good
 * order, its log line app_counters says all of them. At most 32 of a module; a name has up to 47
 * characters a-z, 0-9 and _, and does not begin with a digit.
 */
struct narwhal_counter;
/* The counter of that name, new or not; NULL for a wrong name, or one too many. */
struct narwhal_counter *narwhal_counter(struct narwhal_host *host, const char *name);
/* From any thread. NULL is no counter, and does nothing. */
void narwhal_counter_add(struct narwhal_counter *counter, uint64_t n);

/*
 * How another thread gets back to the worker's: run(task) is called there, soon, in the order in
 * which tasks were posted. The memory is the caller's, so that this cannot fail; it must stay until
 * run() is called. What is posted while the worker leaves may never run.
 */
struct narwhal_task {
	void (*run)(struct narwhal_task *task);
	struct narwhal_task *next; /* Narwhal's */
};
void narwhal_post(struct narwhal_host *host, struct narwhal_task *task);

/* A time of the module's. NULL without memory; not set yet. */
struct narwhal_timer;
struct narwhal_timer *narwhal_timer_new(struct narwhal_host *host, void (*due)(void *state),
	void *state);
/* Calls due() once, in `ms` milliseconds; setting it again moves it. */
void narwhal_timer_set(struct narwhal_timer *timer, uint64_t ms);
void narwhal_timer_stop(struct narwhal_timer *timer);
/* Also from due(). */
void narwhal_timer_free(struct narwhal_timer *timer);

/* A descriptor of the module's, in the worker's loop; it stays the module's. */
struct narwhal_watch;
#define NARWHAL_READABLE 1u
#define NARWHAL_WRITABLE 2u
/*
 * NULL without memory, or for what epoll(7) cannot watch. ready() is called as long as the
 * descriptor is what narwhal_watch_for() asked for; an error counts as both.
 */
struct narwhal_watch *narwhal_watch_new(struct narwhal_host *host, int fd,
	void (*ready)(void *state, unsigned events), void *state);
/* NARWHAL_READABLE, NARWHAL_WRITABLE, both, or 0: errors alone. 0 or a negative errno value. */
int narwhal_watch_for(struct narwhal_watch *watch, unsigned events);
/* Before the descriptor is closed. Also from ready(). */
void narwhal_watch_free(struct narwhal_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
