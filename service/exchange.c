#include "service/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/stream.h"
#include "service/view.h"

/* Up to here a body is copied behind its head; above, it goes out from where it is. */
#define COPIED_BODY_MAX ((size_t)16 * 1024)
/* Up to here reading a file and one write is cheaper than sendfile(2). */
#define COPIED_FILE_MAX ((size_t)64 * 1024)
/* Answers of a pipeline that are collected before they are written. */
#define BATCH_MAX ((size_t)64 * 1024)

int exchange_open(struct exchange *exchange)
{
	exchange->request = malloc(request_size(&exchange->limits));
	if (exchange->request == NULL)
		return -ENOMEM;
	response_reset(&exchange->response);
	return 0;
}

void exchange_close(struct exchange *exchange)
{
	if (exchange->request == NULL)
		return;
	free(exchange->request);
	exchange->request = NULL;
	response_free(&exchange->response);
	outgoing_free(&exchange->outgoing);
}

static size_t saved_size(const struct request *request)
{
	return sizeof(*request) + request->field_count * sizeof(request->fields[0]);
}

void exchange_begin(struct exchange *exchange, struct pending **pending)
{
	if (*pending == NULL) {
		request_reset(exchange->request);
		exchange->intake.has_head = false;
		exchange->intake.body_size = 0;
		return;
	}
	exchange->intake = (*pending)->intake;
	memcpy(exchange->request, &(*pending)->request, saved_size(&(*pending)->request));
	free(*pending);
	*pending = NULL;
}

int exchange_suspend(const struct exchange *exchange, struct pending **pending)
{
	size_t size = saved_size(exchange->request);

	MUST(*pending == NULL);
	*pending = malloc(offsetof(struct pending, request) + size);
	if (*pending == NULL)
		return -ENOMEM;
	(*pending)->intake = exchange->intake;
	memcpy(&(*pending)->request, exchange->request, size);
	return 0;
}

uint64_t pending_missing(const struct pending *pending)
{
	if (!pending->intake.has_head || pending->request.framing != REQUEST_BODY_SIZED)
		return 0;
	return pending->request.content_length - pending->intake.body_size;
}

bool exchange_is_full(const struct exchange *exchange)
{
	const struct outgoing *out = &exchange->outgoing;

	return out->bytes.used >= BATCH_MAX || out->body.used != 0 || out->file_left != 0 ||
	       out->stream != NULL;
}

/* Reads all of a small file behind the head. -EIO when it has become shorter. */
static int copy_file(const struct narwhal_response *response, struct buffer *bytes)
{
	size_t size = (size_t)response->file_size;
	ssize_t n;

	if (buffer_reserve(bytes, size) != 0)
		return -ENOMEM;
	n = file_read(response->file, bytes->bytes + bytes->used, size, response->file_offset);
	if (n < 0)
		return (int)n;
	bytes->used += (size_t)n;
	return (size_t)n == size ? 0 : -EIO;
}

static int write_file(struct narwhal_response *response, struct outgoing *out)
{
	/* What lies in memory can go out from there. */
	if (response->file_size <=
		(response->file->bytes != NULL ? COPIED_BODY_MAX : COPIED_FILE_MAX))
		return copy_file(response, &out->bytes);
	outgoing_file(out, response->file, response->file_offset, response->file_size);
	return 0;
}

/* The first piece goes out with the head; when there cannot be one, the client can still be told.
 */
static int write_stream(struct narwhal_response *response, struct outgoing *out,
	const struct response_frame *frame)
{
	struct narwhal_stream *stream = response->stream;
	int error;

	response->stream = NULL;
	out->stream = stream;
	if (stream->left == NARWHAL_UNKNOWN)
		stream->framing = frame->old ? STREAM_CLOSED : STREAM_CHUNKED;
	if (stream_fill(out) != STREAM_FAILED)
		return 0;
	error = stream->error;
	outgoing_drop(out);
	return error;
}

static int write_body(struct narwhal_response *response, struct outgoing *out,
	const struct response_frame *frame)
{
	if (UNLIKELY(response->stream != NULL))
		return write_stream(response, out, frame);
	if (response->file != NULL)
		return write_file(response, out);
	if (response->body.used <= COPIED_BODY_MAX)
		return buffer_add(&out->bytes, response->body.bytes, response->body.used);
	out->body = response->body;
	response->body = (struct buffer){0};
	return 0;
}

static int write_response(struct exchange *exchange, const struct response_frame *frame)
{
	struct outgoing *out = &exchange->outgoing;
	size_t before = out->bytes.used;
	int error = response_write_head(&exchange->response, frame, &out->bytes);

	exchange->head_size = out->bytes.used - before;
	if (error == 0 && response_sends_body(&exchange->response, frame))
		error = write_body(&exchange->response, out, frame);
	if (error != 0)
		out->bytes.used = before;
	return error;
}

/* What stood in outgoing.bytes before an answer. */
struct mark {
	size_t used, sent;
};

static struct narwhal_bytes asked_host(const struct exchange *exchange)
{
	struct request_span host = exchange->request->host;

	if (host.size == 0)
		return (struct narwhal_bytes){NULL, 0};
	return (struct narwhal_bytes){exchange->bytes + host.at, host.size};
}

/* The first chunk's head is put in front of it, and all before it moves: bytes_sent says how far.
 */
static struct narwhal_bytes answer_head(const struct exchange *exchange, struct mark before)
{
	const struct outgoing *out = &exchange->outgoing;
	size_t at = before.used + out->bytes_sent - before.sent;

	return (struct narwhal_bytes){out->bytes.bytes + at, exchange->head_size};
}

static struct access_place answer_place(const struct exchange *exchange, struct mark before)
{
	const struct outgoing *out = &exchange->outgoing;
	uint64_t sent = out->notes != NULL ? out->notes->sent : 0;
	uint64_t left = out->bytes.used - out->bytes_sent + out->body.used + out->file_left;

	return (struct access_place){
		.body_at = sent + before.used - before.sent + exchange->head_size,
		.end = out->stream != NULL ? UINT64_MAX : sent + left,
		.began_us =
			exchange->intake.has_head ? exchange->intake.began_us : exchange->turn_us,
	};
}

static void note_answer(struct exchange *exchange, struct mark before)
{
	struct access *access = exchange->access;
	const struct access_place place = answer_place(exchange, before);
	const struct access_facts facts = {
		.request = exchange->request,
		.bytes = exchange->bytes,
		.peer = exchange->peer,
		.client = exchange->peer,
		.scheme = {"http", 4},
		.host = asked_host(exchange),
		.status = exchange->response.status,
		.head = answer_head(exchange, before),
		.times = &access->times,
		.now_ms = access->now_ms,
		.pid = access->pid,
	};

	if (access_is_on(access))
		access_note(access, &exchange->outgoing.notes, &facts, &place);
}

/* Writes the response as it is, or a 500 in its place. */
static enum exchange_outcome respond(struct exchange *exchange, bool close)
{
	/* As far as it was understood: of one that is refused, perhaps the method alone. */
	const struct request *request = exchange->request;
	struct response_frame frame = {
		.stamp = exchange->stamp,
		.head_only = request->head,
		.close = close,
		.old = request->minor == 0,
	};
	const struct mark before = {exchange->outgoing.bytes.used, exchange->outgoing.bytes_sent};

	/* Nothing else ends a body of unknown size then: RFC 9112 section 6.3. */
	if (frame.old && response_size(&exchange->response) == NARWHAL_UNKNOWN)
		frame.close = true;
	exchange->failure = exchange->response.error;
	if (exchange->failure == 0)
		exchange->failure = write_response(exchange, &frame);
	if (UNLIKELY(exchange->failure != 0)) {
		response_error(&exchange->response, 500);
		if (write_response(exchange, &frame) != 0)
			frame.close = true; /* no memory even for that */
	}
	if (UNLIKELY(exchange->access != NULL))
		note_answer(exchange, before);
	response_drop(&exchange->response);
	return frame.close ? EXCHANGE_LAST : EXCHANGE_ANSWERED;
}

void exchange_refuse(struct exchange *exchange, unsigned status, const char *reason)
{
	exchange->reason = reason;
	response_refuse(&exchange->response, status, reason);
	(void)respond(exchange, true);
}

static enum exchange_outcome refuse(struct exchange *exchange, unsigned status, const char *reason)
{
	exchange_refuse(exchange, status, reason);
	return EXCHANGE_REFUSED;
}

/*
 * What the arbiter reports when this worker hangs: "GET /target", and since when. `timeout` is for
 * one request: many quick ones in one turn of the loop are no hang.
 */
static void note_request(struct exchange *exchange)
{
	const struct request *request = exchange->request;
	const char *bytes = exchange->bytes;
	struct page *page = exchange->page;
	size_t method = request->method.size; /* at most REQUEST_METHOD_MAX */
	size_t target = request->target.size;
	char *at = page->request;

	_Static_assert(REQUEST_METHOD_MAX + 2 < PAGE_REQUEST_MAX, "a method alone must fit");
	if (target > PAGE_REQUEST_MAX - 2 - method)
		target = PAGE_REQUEST_MAX - 2 - method;
	at = mempcpy(at, bytes + request->method.at, method);
	*at++ = ' ';
	at = mempcpy(at, bytes + request->target.at, target);
	*at = '\0';
	exchange->began_ms = clock_tick_ms();
	atomic_store_explicit(&page->busy_since_ms, exchange->began_ms, memory_order_relaxed);
	atomic_store_explicit(&page->requests,
		atomic_load_explicit(&page->requests, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

static enum exchange_outcome answer(struct exchange *exchange)
{
	const struct request *request = exchange->request;
	struct narwhal_request view = {
		.head = request,
		.bytes = exchange->bytes,
		.body = {exchange->bytes + request->head_size, exchange->intake.body_size},
		.peer = exchange->peer,
	};

	note_request(exchange);
	view.now_ms = exchange->began_ms;
	response_reset(&exchange->response);
	view_handle(exchange->app, &view, &exchange->response);
	exchange->page->request[0] = '\0';
	return respond(exchange, exchange->closing || !request->keep_alive);
}

/* The sized body, as far as it is there. */
static enum exchange_outcome take_sized(struct exchange *exchange, const struct window *window,
	size_t *taken)
{
	struct intake *intake = &exchange->intake;
	const struct request *request = exchange->request;
	size_t there = window->size - request->head_size;

	intake->body_size = there < request->content_length ? there : request->content_length;
	if (intake->body_size < request->content_length)
		return EXCHANGE_INCOMPLETE;
	*taken = request->head_size + (size_t)intake->body_size;
	return answer(exchange);
}

static enum exchange_outcome take_chunked(struct exchange *exchange, struct window *window,
	size_t *taken)
{
	struct intake *intake = &exchange->intake;
	struct chunked *chunked = &intake->chunked;
	size_t at = exchange->request->head_size + (size_t)intake->body_size;
	enum chunked_outcome outcome =
		chunked_decode(chunked, &exchange->limits, window->bytes + at, window->size - at);

	intake->body_size += chunked->produced;
	switch (outcome) {
	case CHUNKED_MORE:
		window->size = at + chunked->produced;
		return EXCHANGE_INCOMPLETE;
	case CHUNKED_REFUSED:
		return refuse(exchange, chunked->status, chunked->reason);
	case CHUNKED_DONE:
		break;
	}
	*taken = at + chunked->consumed;
	return answer(exchange);
}

static enum exchange_outcome take_body(struct exchange *exchange, struct window *window,
	size_t *taken)
{
	switch (exchange->request->framing) {
	case REQUEST_BODY_SIZED:
		return take_sized(exchange, window, taken);
	case REQUEST_BODY_CHUNKED:
		return take_chunked(exchange, window, taken);
	case REQUEST_BODY_NONE:
		break;
	}
	*taken = exchange->request->head_size;
	return answer(exchange);
}

/* RFC 9110 section 10.1.1: only a client that waits is told, and only if it does wait. */
static void invite_body(struct exchange *exchange, size_t window_size)
{
	static const char invitation[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct request *request = exchange->request;

	if (request->expect_continue && request->framing != REQUEST_BODY_NONE &&
		window_size == request->head_size)
		/* Without memory for it the client sends its body all the same, a little later. */
		(void)!buffer_add(&exchange->outgoing.bytes, invitation, sizeof(invitation) - 1);
}

enum exchange_outcome exchange_next(struct exchange *exchange, const struct peer *peer,
	struct window *window, size_t *taken)
{
	struct request *request = exchange->request;

	*taken = 0;
	exchange->bytes = window->bytes;
	exchange->peer = peer;
	if (!exchange->intake.has_head) {
		switch (request_parse(request, &exchange->limits, window->bytes, window->size)) {
		case REQUEST_INCOMPLETE:
			return EXCHANGE_INCOMPLETE;
		case REQUEST_REFUSED:
			return refuse(exchange, request->status, request->reason);
		case REQUEST_COMPLETE:
			break;
		}
		exchange->intake.has_head = true;
		exchange->intake.began_us = exchange->turn_us;
		if (request->framing == REQUEST_BODY_CHUNKED)
			chunked_reset(&exchange->intake.chunked);
		invite_body(exchange, window->size);
	}
	return take_body(exchange, window, taken);
}
