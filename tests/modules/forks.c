/*
 * forks.c - an app that says in the log what happens to it and in which process, and remembers how
 * often it was loaded. For tests only.
 *
 *	/	"forks=N": how many forks there were when this worker came
 *
 * Its counter "loads" is of the worker's page.
 *
 * With the option thread=1 it begins a thread in load, and with watch=1 a watch, which is no good
 * idea with preload_app.
 */
#include "module.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct app {
	struct narwhal_host *host;
	struct narwhal_counter *loads;
	int forks;
};

static void tell(const struct app *app, const char *what)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "%s in %d", what, (int)getpid());
	narwhal_log(app->host, NARWHAL_INFO, line);
}

static void *sleep_on(void *nothing)
{
	for (;;)
		(void)pause();
	return nothing;
}

static void never(void *state, unsigned events)
{
	(void)state;
	(void)events;
}

static int load(struct narwhal_host *host, void **state)
{
	struct app *app = calloc(1, sizeof(*app));
	pthread_t thread;

	if (app == NULL)
		return 1;
	app->host = host;
	app->loads = narwhal_counter(host, "loads");
	narwhal_counter_add(app->loads, 1);
	tell(app, "load");
	*state = app;
	if (narwhal_option(host, "watch") != NULL &&
		narwhal_watch_new(host, STDIN_FILENO, never, NULL) == NULL)
		return 2;
	if (narwhal_option(host, "thread") == NULL)
		return 0;
	return pthread_create(&thread, NULL, sleep_on, NULL);
}

static void fork_prepare(void *state)
{
	struct app *app = state;

	app->forks++;
	tell(app, "fork_prepare");
}

static void fork_parent(void *state)
{
	tell(state, "fork_parent");
}

static void fork_child(void *state)
{
	tell(state, "fork_child");
}

static int worker_init(void *state)
{
	tell(state, "worker_init");
	return 0;
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	const struct app *app = state;
	char body[64];

	(void)request;
	(void)snprintf(body, sizeof(body), "forks=%d", app->forks);
	say(response, body);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "forks",
	.load = load,
	.worker_init = worker_init,
	.handle = handle,
	.fork_prepare = fork_prepare,
	.fork_parent = fork_parent,
	.fork_child = fork_child,
};
