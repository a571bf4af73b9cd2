/*
 * streams.c - an app whose bodies come piece by piece, in all the ways there are. For tests only.
 *
 *	/lines?N	N lines of unknown size, and a trailer
 *	/sized?N	N bytes
 *	/short?N	announces N bytes and has one less; /over?N one more
 *	/fails		a piece, and then no more of it
 *	/waits		a piece, and the rest when somebody asks for /go
 *	/itself		waits, and resumes itself at once
 *	/pair		waits, and resumes the other one of its kind, as that does
 *	/idle		asks for many turns in which it has nothing
 *	/counts		"pulled ended gone": of all streams so far
 */
#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 16384

struct app {
	unsigned long pulled, ended, gone;
	struct narwhal_stream *waiting, *partner;
};

struct body {
	struct app *app;
	unsigned long left, at;
};

static enum narwhal_outcome pull_lines(void *state, struct narwhal_stream *stream)
{
	struct body *body = state;
	char line[32];
	int n = snprintf(line, sizeof(line), "line %lu\n", body->at++);

	body->app->pulled++;
	if (body->left == 0)
		return NARWHAL_DONE;
	(void)narwhal_stream_write(stream, line, (size_t)n);
	if (--body->left != 0)
		return NARWHAL_MORE;
	(void)narwhal_stream_trailer(stream, "X-Lines", "all");
	return NARWHAL_DONE;
}

static enum narwhal_outcome pull_bytes(void *state, struct narwhal_stream *stream)
{
	static const char piece[PIECE];
	struct body *body = state;
	size_t size = body->left < PIECE ? body->left : PIECE;

	body->app->pulled++;
	body->left -= size;
	(void)narwhal_stream_write(stream, piece, size);
	return size == 0 ? NARWHAL_DONE : NARWHAL_MORE;
}

static enum narwhal_outcome pull_failing(void *state, struct narwhal_stream *stream)
{
	struct body *body = state;

	if (body->at++ != 0)
		return NARWHAL_FAILED;
	(void)narwhal_stream_write(stream, "half\n", 5);
	return NARWHAL_MORE;
}

static enum narwhal_outcome pull_waiting(void *state, struct narwhal_stream *stream)
{
	struct body *body = state;

	if (body->at++ != 0) {
		(void)narwhal_stream_write(stream, "late\n", 5);
		return NARWHAL_DONE;
	}
	(void)narwhal_stream_write(stream, "soon\n", 5);
	body->app->waiting = stream;
	return NARWHAL_WAIT;
}

static enum narwhal_outcome pull_itself(void *state, struct narwhal_stream *stream)
{
	struct body *body = state;

	narwhal_stream_resume(stream);
	return body->at++ == 3 ? NARWHAL_DONE : NARWHAL_WAIT;
}

static enum narwhal_outcome pull_pair(void *state, struct narwhal_stream *stream)
{
	struct body *body = state;
	struct narwhal_stream *partner = body->app->partner;

	body->app->partner = stream;
	if (partner != NULL)
		narwhal_stream_resume(partner);
	return NARWHAL_WAIT;
}

static enum narwhal_outcome pull_nothing(void *state, struct narwhal_stream *stream)
{
	struct body *body = state;

	(void)stream;
	return body->at++ == 100 ? NARWHAL_DONE : NARWHAL_MORE;
}

static void end(void *state)
{
	struct body *body = state;

	body->app->ended++;
	body->app->waiting = NULL;
	body->app->partner = NULL;
	free(body);
}

static void gone(void *state)
{
	struct body *body = state;

	body->app->gone++;
}

static void go(struct app *app, struct narwhal_response *response)
{
	say(response, app->waiting != NULL ? "gone on" : "nobody waits");
	if (app->waiting != NULL)
		narwhal_stream_resume(app->waiting);
}

static void tell_counts(struct app *app, struct narwhal_response *response)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%lu %lu %lu", app->pulled, app->ended, app->gone);

	(void)narwhal_response_body(response, text, (size_t)n);
}

static const struct {
	const char *path;
	struct narwhal_source source;
	enum { OF_UNKNOWN_SIZE, OF_SIZE } kind;
	long has_more; /* than it announces */
} bodies[] = {
	{"/lines", {.pull = pull_lines, .end = end}, OF_UNKNOWN_SIZE, 0},
	{"/bytes", {.pull = pull_bytes, .end = end}, OF_UNKNOWN_SIZE, 0},
	{"/sized", {.pull = pull_bytes, .end = end}, OF_SIZE, 0},
	{"/short", {.pull = pull_bytes, .end = end}, OF_SIZE, -1},
	{"/over", {.pull = pull_bytes, .end = end}, OF_SIZE, 1},
	{"/fails", {.pull = pull_failing, .end = end}, OF_UNKNOWN_SIZE, 0},
	{"/waits", {.pull = pull_waiting, .end = end, .gone = gone}, OF_UNKNOWN_SIZE, 0},
	{"/itself", {.pull = pull_itself, .end = end}, OF_UNKNOWN_SIZE, 0},
	{"/pair", {.pull = pull_pair, .end = end}, OF_UNKNOWN_SIZE, 0},
	{"/idle", {.pull = pull_nothing, .end = end}, OF_UNKNOWN_SIZE, 0},
};

static void stream(struct app *app, size_t row, unsigned long size,
	struct narwhal_response *response)
{
	struct body *body = calloc(1, sizeof(*body));

	if (body == NULL)
		abort();
	body->app = app;
	body->left = size + (unsigned long)bodies[row].has_more;
	(void)narwhal_response_stream(response,
		bodies[row].kind == OF_SIZE ? size : NARWHAL_UNKNOWN, &bodies[row].source, body);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes path = narwhal_request_path(request);
	struct narwhal_bytes query = narwhal_request_query(request);

	if (is(path, "/counts"))
		tell_counts(state, response);
	else if (is(path, "/go"))
		go(state, response);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		if (is(path, bodies[i].path))
			stream(state, i, query.size != 0 ? strtoul(query.data, NULL, 10) : 0,
				response);
	}
}

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	*state = calloc(1, sizeof(struct app));
	return *state == NULL;
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "streams",
	.load = load,
	.handle = handle,
	.worker_exit = free,
};
