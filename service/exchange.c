#include "service/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/ask.h"
#include "service/dispatch.h"
#include "service/note.h"

/* Answers of a pipeline that are collected before they are written. */
#define BATCH_MAX ((size_t)64 * 1024)

int exchange_open(struct exchange *exchange)
{
	exchange->all_kept.previous = &exchange->all_kept;
	exchange->all_kept.next = &exchange->all_kept;
	exchange->call = call_new(exchange);
	return exchange->call != NULL ? 0 : -ENOMEM;
}

void exchange_close(struct exchange *exchange)
{
	if (exchange->call == NULL)
		return;
	call_free(&exchange->call);
	/* What the app has deferred and never answered. */
	while (exchange->all_kept.next != &exchange->all_kept) {
		struct call *call = CONTAINER_OF(exchange->all_kept.next, struct call, links);

		call_free(&call);
	}
	outgoing_free(&exchange->outgoing);
}

static size_t saved_size(const struct request *request)
{
	return sizeof(*request) + request->field_count * sizeof(request->fields[0]);
}

void exchange_begin(struct exchange *exchange, struct pending **pending)
{
	struct call *call = exchange->call;

	if (*pending == NULL) {
		request_reset(&call->head);
		call->intake.has_head = false;
		call->intake.body_size = 0;
		call->intake.discards = false;
		call->origin.identity.known = false;
		return;
	}
	call->intake = (*pending)->intake;
	call->origin.identity = (*pending)->identity;
	memcpy(&call->head, &(*pending)->request, saved_size(&(*pending)->request));
	free(*pending);
	*pending = NULL;
}

int exchange_suspend(const struct exchange *exchange, struct pending **pending)
{
	const struct call *call = exchange->call;
	size_t size = saved_size(&call->head);

	MUST(*pending == NULL);
	*pending = malloc(offsetof(struct pending, request) + size);
	if (*pending == NULL)
		return -ENOMEM;
	(*pending)->intake = call->intake;
	(*pending)->identity = call->origin.identity;
	memcpy(&(*pending)->request, &call->head, size);
	return 0;
}

bool pending_discards(const struct pending *pending)
{
	return pending != NULL && pending->intake.discards && pending_missing(pending) != 0;
}

void pending_skip(struct pending *pending, uint64_t size)
{
	MUST(size <= pending_missing(pending));
	pending->intake.body_size += size;
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

static int write_answer(struct exchange *exchange, struct call *call,
	const struct response_frame *frame, size_t *head_size)
{
	if (UNLIKELY(exchange->rules->echo))
		origin_echo(&call->request, &call->response);
	if (UNLIKELY(exchange->rules->https.hsts_ms != 0))
		https_insist(&exchange->rules->https, &call->request, &call->response);
	return dispatch_response(&call->response, frame, &exchange->outgoing, head_size);
}

/* Its bytes are gone when the answer is cut half way; without memory that line says less. */
static void label_answer(struct exchange *exchange, const struct call *call)
{
	struct origin_label **label = &exchange->outgoing.label;

	if (*label == NULL)
		*label = malloc(sizeof(**label));
	if (*label != NULL)
		origin_label(&call->request, *label);
}

/* Of what was refused before its head was complete there is no time to tell. */
static void count_answer(struct exchange *exchange, const struct call *call)
{
	page_count_answer(exchange->page, call->response.status);
	if (UNLIKELY(exchange->timed) && call->intake.has_head)
		page_count_duration(exchange->page, clock_us() - call->intake.began_us);
}

/* Writes the response as it is, or a 500 in its place. */
static enum exchange_outcome respond(struct exchange *exchange, struct call *call, bool close)
{
	struct narwhal_response *response = &call->response;
	/* As far as it was understood: of one that is refused, perhaps the method alone. */
	struct response_frame frame = {
		.stamp = exchange->stamp,
		.head_only = call->head.head,
		.close = close,
		.old = call->head.minor == 0,
	};
	const struct note_mark before = note_mark(&exchange->outgoing);
	size_t head_size;

	/* Nothing else ends a body of unknown size then: RFC 9112 section 6.3. */
	if (frame.old && response_size(response) == NARWHAL_UNKNOWN)
		frame.close = true;
	exchange->failure = response->error;
	if (exchange->failure == 0)
		exchange->failure = write_answer(exchange, call, &frame, &head_size);
	if (UNLIKELY(exchange->failure != 0)) {
		response_error(response, 500);
		if (write_answer(exchange, call, &frame, &head_size) != 0)
			frame.close = true; /* no memory even for that */
	}
	count_answer(exchange, call);
	if (UNLIKELY(exchange->access != NULL))
		note_answer(exchange, call, before, head_size);
	if (UNLIKELY(exchange->failure != 0))
		origin_label(&call->request, &exchange->label);
	if (UNLIKELY(origin_is_told(&call->origin) || exchange->outgoing.label != NULL))
		label_answer(exchange, call);
	response_drop(response);
	return frame.close ? EXCHANGE_LAST : EXCHANGE_ANSWERED;
}

enum exchange_outcome exchange_refuse(struct exchange *exchange, struct call *call, unsigned status,
	const char *reason)
{
	exchange->status = status;
	exchange->reason = reason;
	response_refuse(&call->response, status, reason);
	(void)respond(exchange, call, true);
	origin_label(&call->request, &exchange->label);
	return EXCHANGE_REFUSED;
}

enum exchange_outcome exchange_conclude(struct exchange *exchange, struct call *call)
{
	enum exchange_outcome outcome;

	if (UNLIKELY(call->step != CALL_AT_HAND && call->step != CALL_ANSWERED))
		return EXCHANGE_KEPT;
	outcome = respond(exchange, call,
		exchange->closing || call->unread || !call->head.keep_alive);
	return UNLIKELY(call->unread) ? EXCHANGE_EARLY : outcome;
}

/* The whole request is there. */
static enum exchange_outcome answer(struct exchange *exchange)
{
	struct call *call = exchange->call;
	const char *reason = call_show(call);

	if (UNLIKELY(reason != NULL))
		return exchange_refuse(exchange, call, 400, reason);
	ask_handle(exchange, call);
	return exchange_conclude(exchange, call);
}

/* What is there of a sized body that nobody wants. */
static enum exchange_outcome skip_sized(struct exchange *exchange, struct window *window,
	size_t *taken)
{
	struct call *call = exchange->call;
	const struct request *head = &call->head;
	uint64_t left = head->content_length - call->intake.body_size;
	size_t there = window->size - head->head_size;

	if (there < left) {
		call->intake.body_size += there;
		window->size = head->head_size;
		return EXCHANGE_INCOMPLETE;
	}
	call->intake.body_size = head->content_length;
	*taken = head->head_size + (size_t)left;
	return answer(exchange);
}

/* The sized body, as far as it is there. */
static enum exchange_outcome take_sized(struct exchange *exchange, const struct window *window,
	size_t *taken)
{
	struct call *call = exchange->call;
	const struct request *head = &call->head;
	size_t there = window->size - head->head_size;

	call->intake.body_size = there < head->content_length ? there : head->content_length;
	if (call->intake.body_size < head->content_length)
		return EXCHANGE_INCOMPLETE;
	*taken = head->head_size + (size_t)call->intake.body_size;
	return answer(exchange);
}

static enum exchange_outcome take_chunked(struct exchange *exchange, struct window *window,
	size_t *taken)
{
	struct intake *intake = &exchange->call->intake;
	struct chunked *chunked = &intake->chunked;
	size_t at = exchange->call->head.head_size + intake_kept(intake);
	enum chunked_outcome outcome =
		chunked_decode(chunked, &exchange->limits, window->bytes + at, window->size - at);

	intake->body_size += chunked->produced;
	switch (outcome) {
	case CHUNKED_MORE:
		window->size = at + (intake->discards ? 0 : chunked->produced);
		return EXCHANGE_INCOMPLETE;
	case CHUNKED_REFUSED:
		return exchange_refuse(exchange, exchange->call, chunked->status, chunked->reason);
	case CHUNKED_DONE:
		break;
	}
	*taken = at + chunked->consumed;
	return answer(exchange);
}

static enum exchange_outcome take_body(struct exchange *exchange, struct window *window,
	size_t *taken)
{
	switch (exchange->call->head.framing) {
	case REQUEST_BODY_SIZED:
		return exchange->call->intake.discards ? skip_sized(exchange, window, taken)
						       : take_sized(exchange, window, taken);
	case REQUEST_BODY_CHUNKED:
		return take_chunked(exchange, window, taken);
	case REQUEST_BODY_NONE:
		break;
	}
	*taken = exchange->call->head.head_size;
	return answer(exchange);
}

/* RFC 9110 section 10.1.1: only a client that waits is told, and only if it does wait. */
static void invite_body(struct exchange *exchange, const struct call *call, size_t window_size)
{
	static const char invitation[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (call->head.expect_continue && window_size == call->head.head_size)
		/* Without memory for it the client sends its body all the same, a little later. */
		(void)!buffer_add(&exchange->outgoing.bytes, invitation, sizeof(invitation) - 1);
}

/* The body is of no use any more. */
static enum exchange_outcome answer_early(struct exchange *exchange, struct call *call)
{
	if (call->step != CALL_AT_HAND)
		call->step = CALL_ANSWERED;
	call->unread = true;
	return exchange_conclude(exchange, call);
}

static enum exchange_outcome fail(struct exchange *exchange, struct call *call)
{
	response_error(&call->response, 500);
	return answer_early(exchange, call);
}

/* The app may want to have a body as it comes, or none of it. EXCHANGE_INCOMPLETE: all at once. */
static enum exchange_outcome offer_body(struct exchange *exchange)
{
	struct call *call = exchange->call;
	const char *reason = call_show(call);

	if (reason != NULL)
		return exchange_refuse(exchange, call, 400, reason);
	switch (ask_begin(exchange, call)) {
	case NARWHAL_MORE:
		if (call->step != CALL_AT_HAND)
			return EXCHANGE_KEPT;
		response_drop(&call->response); /* handle() begins with nothing */
		return EXCHANGE_INCOMPLETE;
	case NARWHAL_DONE:
		return answer_early(exchange, call);
	case NARWHAL_WAIT:
	case NARWHAL_FAILED:
		break;
	}
	return fail(exchange, call);
}

/* There is a body behind the head. EXCHANGE_INCOMPLETE: it is collected. */
static enum exchange_outcome begin_body(struct exchange *exchange, const struct window *window,
	size_t *taken)
{
	struct call *call = exchange->call;
	enum exchange_outcome outcome = EXCHANGE_INCOMPLETE;

	chunked_reset(&call->intake.chunked);
	if (exchange->app->module->begin != NULL)
		outcome = offer_body(exchange);
	if (outcome != EXCHANGE_INCOMPLETE)
		*taken = call->head.head_size;
	if (outcome <= EXCHANGE_KEPT)
		invite_body(exchange, call, window->size);
	return outcome;
}

enum exchange_outcome exchange_next(struct exchange *exchange, const struct peer *peer,
	struct window *window, size_t *taken)
{
	struct call *call = exchange->call;
	struct request *head = &call->head;
	enum exchange_outcome outcome;

	*taken = 0;
	call_place(call, peer, window->bytes);
	if (!call->intake.has_head) {
		switch (request_parse(head, &exchange->limits, window->bytes, window->size)) {
		case REQUEST_INCOMPLETE:
			return EXCHANGE_INCOMPLETE;
		case REQUEST_REFUSED:
			return exchange_refuse(exchange, call, head->status, head->reason);
		case REQUEST_COMPLETE:
			break;
		}
		call->intake.has_head = true;
		call->intake.began_us = exchange->turn_us;
		if (head->framing != REQUEST_BODY_NONE) {
			outcome = begin_body(exchange, window, taken);
			if (outcome != EXCHANGE_INCOMPLETE)
				return outcome;
		}
	}
	return take_body(exchange, window, taken);
}

/* The body's bytes at the front of the window; true at its end. */
static bool cut_sized(struct call *call, struct narwhal_bytes *piece)
{
	uint64_t left = call->head.content_length - call->intake.body_size;

	if (piece->size > left)
		piece->size = (size_t)left;
	call->intake.body_size += piece->size;
	return piece->size == left;
}

enum exchange_outcome exchange_feed(struct exchange *exchange, struct call *call,
	const struct window *window, size_t *taken)
{
	struct chunked *chunked = &call->intake.chunked;
	struct narwhal_bytes piece = {window->bytes, window->size};
	bool whole;

	*taken = window->size;
	if (call->head.framing == REQUEST_BODY_SIZED) {
		whole = cut_sized(call, &piece);
		*taken = piece.size;
	} else {
		enum chunked_outcome outcome =
			chunked_decode(chunked, &exchange->limits, window->bytes, window->size);

		if (outcome == CHUNKED_REFUSED)
			return exchange_refuse(exchange, call, chunked->status, chunked->reason);
		piece.size = chunked->produced;
		whole = outcome == CHUNKED_DONE;
		*taken = chunked->consumed;
	}
	switch (ask_piece(exchange, call, piece)) {
	case NARWHAL_FAILED:
		return fail(exchange, call);
	case NARWHAL_DONE:
		call->unread = !whole;
		whole = true;
		break;
	case NARWHAL_MORE:
	case NARWHAL_WAIT:
		break;
	}
	if (!whole)
		return EXCHANGE_KEPT;
	ask_done(exchange, call);
	return exchange_conclude(exchange, call);
}
