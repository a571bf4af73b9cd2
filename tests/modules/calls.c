/*
 * calls.c - an app that answers later, and takes bodies as they come. For tests only.
 *
 *	/later		answers when somebody asks for /release, "GET /later BODY"
 *	/heirs		the same; when its client goes away all all the others are answered
 *	/streamed	the same, with a stream on the answer already
 *	/finisher	the same, whose end finishes the answer
 *	/at-once	defers, and finishes before it returns
 *	/sum		counts the body's bytes as they come; /sum-later answers at /release
 *	/pause		the same, but wants no more after the first piece until /go
 *	/enough		one piece is enough; /breaks fails at it
 *	/twice		wants to receive two times, and only once can
 *	/forbidden	answers at the head; /odd gives an outcome that means nothing there
 *	/hasty		has a body for its answer at the head already, but is collected
 *	/named		says "same" if its id is that which it had at the head
 *	/discard	wants no body: "0", or what it got all the same; /regret receives it then
 *	/collect	any other body is collected: "SIZE"
 *	/counts		"gone ended taken"
 */
#include "module.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFERRED_MAX 64

struct deferred {
	const struct narwhal_request *request;
	struct narwhal_response *response;
};

struct app {
	unsigned long gone, ended, taken;
	struct deferred deferred[DEFERRED_MAX];
	unsigned count;
	struct narwhal_request *paused;
	char id[32]; /* at the head of the last one */
};

/* One body that is received. */
struct upload {
	struct app *app;
	struct narwhal_request *request;
	const char *path;
	unsigned long size;
};

static void say_size(struct narwhal_response *response, unsigned long size)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lu", size);
	say(response, text);
}

static void gone(void *state)
{
	((struct app *)state)->gone++;
}

static void release(struct app *app);

static void gone_to_heirs(void *state)
{
	gone(state);
	release(state);
}

static void defer(struct app *app, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	bool heirs = is(narwhal_request_path(request), "/heirs");

	if (app->count == DEFERRED_MAX ||
		narwhal_response_defer(response, heirs ? gone_to_heirs : gone, app) != 0)
		abort();
	app->deferred[app->count++] = (struct deferred){request, response};
}

static void release(struct app *app)
{
	while (app->count != 0) {
		const struct deferred *deferred = &app->deferred[--app->count];
		struct narwhal_bytes method = narwhal_request_method(deferred->request);
		struct narwhal_bytes path = narwhal_request_path(deferred->request);
		struct narwhal_bytes body = narwhal_request_body(deferred->request);
		struct narwhal_bytes peer = narwhal_request_peer(deferred->request);
		struct narwhal_bytes local = narwhal_request_local(deferred->request);

		(void)narwhal_response_body(deferred->response, method.data, method.size);
		say(deferred->response, " ");
		(void)narwhal_response_body(deferred->response, path.data, path.size);
		say(deferred->response, peer.size != 0 && local.size != 0 ? " " : "?");
		(void)narwhal_response_body(deferred->response, body.data, body.size);
		narwhal_response_finish(deferred->response);
	}
}

static enum narwhal_outcome take(void *state, struct narwhal_bytes piece)
{
	struct upload *upload = state;

	upload->size += piece.size;
	upload->app->taken += piece.size;
	if (strcmp(upload->path, "/enough") == 0)
		return NARWHAL_DONE;
	if (strcmp(upload->path, "/breaks") == 0)
		return NARWHAL_FAILED;
	if (strcmp(upload->path, "/pause") != 0)
		return NARWHAL_MORE;
	upload->app->paused = upload->request;
	return NARWHAL_WAIT;
}

static void done(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct upload *upload = state;

	say_size(response, upload->size);
	if (strcmp(upload->path, "/sum-later") == 0)
		defer(upload->app, request, response);
}

static void end(void *state)
{
	struct upload *upload = state;

	upload->app->ended++;
	if (upload->app->paused == upload->request)
		upload->app->paused = NULL;
	free(upload);
}

static const struct narwhal_receiver receiver = {.take = take, .done = done, .end = end};

static enum narwhal_outcome pull(void *state, struct narwhal_stream *stream)
{
	(void)state;
	(void)stream;
	return NARWHAL_DONE;
}

static void end_source(void *state)
{
	((struct app *)state)->ended++;
}

static const struct narwhal_source source = {.pull = pull, .end = end_source};

/* Nobody should, for the answer may be on its way: that must do nobody else any harm. */
static void end_and_finish(void *state)
{
	end_source(state);
	release(state);
}

static const struct narwhal_source finisher = {.pull = pull, .end = end_and_finish};

static enum narwhal_outcome begin(void *state, struct narwhal_request *request,
	struct narwhal_response *response)
{
	static const char *const received[] = {"/sum", "/sum-later", "/pause", "/enough", "/breaks",
		"/twice", "/twice", "/regret"};
	struct narwhal_bytes path = narwhal_request_path(request);

	if (is(path, "/odd"))
		return NARWHAL_WAIT;
	if (is(path, "/named"))
		(void)memcpy(((struct app *)state)->id, narwhal_request_id(request).data,
			sizeof(((struct app *)state)->id));
	if (is(path, "/hasty"))
		(void)narwhal_response_stream(response, NARWHAL_UNKNOWN, &source, state);
	if ((is(path, "/discard") || is(path, "/regret")) && narwhal_request_discard(request) != 0)
		return NARWHAL_FAILED;
	if (is(path, "/forbidden")) {
		(void)narwhal_response_status(response, 403);
		return NARWHAL_DONE;
	}
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++) {
		struct upload *upload;

		if (!is(path, received[i]))
			continue;
		upload = malloc(sizeof(*upload));
		if (upload == NULL)
			abort();
		*upload = (struct upload){.app = state, .request = request, .path = received[i]};
		if (narwhal_request_receive(request, &receiver, upload) != 0 && !is(path, "/twice"))
			return NARWHAL_FAILED;
		if (narwhal_request_discard(request) == 0) /* it is received */
			return NARWHAL_FAILED;
	}
	return NARWHAL_MORE;
}

static void tell_counts(struct app *app, struct narwhal_response *response)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%lu %lu %lu", app->gone, app->ended, app->taken);
	say(response, text);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes path = narwhal_request_path(request);
	struct app *app = state;

	if (is(path, "/later") || is(path, "/heirs")) {
		defer(app, request, response);
	} else if (is(path, "/streamed") || is(path, "/finisher")) {
		(void)narwhal_response_stream(response, NARWHAL_UNKNOWN,
			is(path, "/streamed") ? &source : &finisher, state);
		defer(app, request, response);
	} else if (is(path, "/named")) {
		say(response,
			memcmp(narwhal_request_id(request).data, app->id, sizeof(app->id)) == 0
				? "same"
				: "other");
	} else if (is(path, "/at-once")) {
		defer(app, request, response);
		release(app);
	} else if (is(path, "/release")) {
		release(app);
	} else if (is(path, "/go")) {
		say(response, app->paused != NULL ? "gone on" : "nobody waits");
		if (app->paused != NULL)
			narwhal_request_resume(app->paused);
	} else if (is(path, "/counts")) {
		tell_counts(app, response);
	} else {
		say_size(response, narwhal_request_body(request).size);
	}
}

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	*state = calloc(1, sizeof(struct app));
	return *state == NULL;
}

/* What is deferred still, is never answered: the worker frees it. */
static void leave(void *state)
{
	free(state);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "calls",
	.load = load,
	.begin = begin,
	.handle = handle,
	.worker_exit = leave,
};
