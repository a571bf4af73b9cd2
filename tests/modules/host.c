/*
 * host.c - an app that uses the worker: options, counters, log, timers, threads and descriptors of
 * its own. For tests only.
 *
 *	/option?NAME	its value
 *	/count?NAME	counts one more; "counted", or "no"
 *	/log?TEXT	says that in the log
 *	/timer?MS	answers then; /stopped?MS sets one, moves it and stops it again
 *	/thread		another thread answers, by way of a task; so do many at once
 *	/pipe		answers what a thread writes into a pipe; /file is one that nobody can watch
 */
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct app {
	struct narwhal_host *host;
	int regular_fd; /* a file, which epoll(7) cannot watch */
};

/* One deferred answer, and what brings it. */
struct job {
	struct narwhal_task task;
	struct app *app;
	struct narwhal_response *response;
	struct narwhal_timer *timer;
	struct narwhal_watch *watch;
	pthread_t thread;
	int pipe[2];
};

static void finish(struct job *job, const char *text)
{
	say(job->response, text);
	narwhal_response_finish(job->response);
	narwhal_timer_free(job->timer);
	narwhal_watch_free(job->watch);
	free(job);
}

/* Nobody waits for that time any more; a thread is on its way in any case. */
static void gone(void *state)
{
	struct job *job = state;

	if (job->timer != NULL)
		finish(job, "");
}

static struct job *job_new(struct app *app, struct narwhal_response *response)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL || narwhal_response_defer(response, gone, job) != 0)
		abort();
	job->app = app;
	job->response = response;
	return job;
}

static void due(void *state)
{
	finish(state, "due");
}

static void start_timer(struct app *app, unsigned long ms, struct narwhal_response *response)
{
	struct job *job = job_new(app, response);

	job->timer = narwhal_timer_new(app->host, due, job);
	if (job->timer == NULL)
		abort();
	narwhal_timer_set(job->timer, ms);
}

static void never(void *state)
{
	(void)state;
	abort();
}

static void stop_timer(struct app *app, unsigned long ms, struct narwhal_response *response)
{
	struct narwhal_timer *timer = narwhal_timer_new(app->host, never, NULL);

	if (timer == NULL)
		abort();
	narwhal_timer_set(timer, ms);
	narwhal_timer_set(timer, 2 * ms);
	narwhal_timer_stop(timer);
	narwhal_timer_free(timer);
	say(response, "stopped");
}

static void done(struct narwhal_task *task)
{
	struct job *job = (struct job *)task;

	(void)pthread_join(job->thread, NULL);
	finish(job, "done");
}

static void *compute(void *argument)
{
	struct job *job = argument;

	job->task.run = done;
	narwhal_post(job->app->host, &job->task);
	return NULL;
}

static void start_thread(struct app *app, struct narwhal_response *response)
{
	struct job *job = job_new(app, response);

	if (pthread_create(&job->thread, NULL, compute, job) != 0)
		abort();
}

static void pipe_ready(void *state, unsigned events)
{
	struct job *job = state;
	char text[16];
	ssize_t n = read(job->pipe[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	(void)pthread_join(job->thread, NULL);
	narwhal_watch_free(job->watch);
	job->watch = NULL;
	(void)close(job->pipe[0]);
	(void)close(job->pipe[1]);
	finish(job, (events & NARWHAL_READABLE) != 0 ? text : "not readable");
}

static void *write_pipe(void *argument)
{
	const struct job *job = argument;

	(void)!write(job->pipe[1], "written", 7);
	return NULL;
}

static void watch_pipe(struct app *app, struct narwhal_response *response)
{
	struct job *job = job_new(app, response);

	if (pipe2(job->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		abort();
	job->watch = narwhal_watch_new(app->host, job->pipe[0], pipe_ready, job);
	if (job->watch == NULL || narwhal_watch_for(job->watch, NARWHAL_READABLE) != 0 ||
		pthread_create(&job->thread, NULL, write_pipe, job) != 0)
		abort();
}

static void watch_file(struct app *app, struct narwhal_response *response)
{
	say(response, narwhal_watch_new(app->host, app->regular_fd, pipe_ready, NULL) == NULL &&
				      errno == EPERM
			      ? "no"
			      : "?");
}

static void answer(struct app *app, struct narwhal_bytes path, const char *query,
	struct narwhal_response *response)
{
	unsigned long number = strtoul(query, NULL, 10);

	if (is(path, "/option")) {
		const char *value = narwhal_option(app->host, query);

		say(response, value != NULL ? value : "(none)");
	} else if (is(path, "/count")) {
		struct narwhal_counter *counter = narwhal_counter(app->host, query);

		narwhal_counter_add(counter, 1);
		say(response, counter != NULL ? "counted" : "no");
	} else if (is(path, "/log")) {
		narwhal_log(app->host, NARWHAL_WARNING, query);
	} else if (is(path, "/timer")) {
		start_timer(app, number, response);
	} else if (is(path, "/stopped")) {
		stop_timer(app, number, response);
	} else if (is(path, "/thread")) {
		start_thread(app, response);
	} else if (is(path, "/pipe")) {
		watch_pipe(app, response);
	} else if (is(path, "/file")) {
		watch_file(app, response);
	}
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes query = narwhal_request_query(request);
	char *text = strndup(query.size != 0 ? query.data : "", query.size);

	if (text == NULL)
		abort();
	answer(state, narwhal_request_path(request), text, response);
	free(text);
}

static int load(struct narwhal_host *host, void **state)
{
	struct app *app = calloc(1, sizeof(*app));

	if (app == NULL || narwhal_counter(host, "loads") == NULL)
		return -1;
	app->host = host;
	app->regular_fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	*state = app;
	return app->regular_fd >= 0 ? 0 : -1;
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "host",
	.load = load,
	.handle = handle,
	.worker_exit = free,
	.calls = "clone,exit,madvise,mprotect,pipe2,rseq,rt_sigaction,"
		 "sched_getaffinity,set_robust_list",
};
