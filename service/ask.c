#include "service/ask.h"

#include <string.h>

#include "base/clock.h"

/*
 * What the arbiter reports when this worker hangs: "GET /target", and since when. `timeout` is for
 * one request: many quick ones in one turn of the loop are no hang.
 */
static void note_request(struct exchange *exchange, const struct call *call)
{
	const struct request *head = &call->head;
	const char *bytes = call->request.bytes;
	struct page *page = exchange->page;
	size_t method = head->method.size; /* at most REQUEST_METHOD_MAX */
	size_t target = head->target.size;
	char *at = page->request;

	_Static_assert(REQUEST_METHOD_MAX + 2 < PAGE_REQUEST_MAX, "a method alone must fit");
	if (target > PAGE_REQUEST_MAX - 2 - method)
		target = PAGE_REQUEST_MAX - 2 - method;
	at = mempcpy(at, bytes + head->method.at, method);
	*at++ = ' ';
	at = mempcpy(at, bytes + head->target.at, target);
	*at = '\0';
	exchange->began_ms = clock_tick_ms();
	atomic_store_explicit(&page->busy_since_ms, exchange->began_ms, memory_order_relaxed);
}

static void forget_request(struct exchange *exchange)
{
	exchange->page->request[0] = '\0';
}

static void count_request(struct exchange *exchange)
{
	struct page *page = exchange->page;

	atomic_store_explicit(&page->requests,
		atomic_load_explicit(&page->requests, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

/* To TLS, before the app sees the request. */
static bool is_sent_away(const struct exchange *exchange, struct call *call)
{
	const struct https_rules *rules = &exchange->rules->https;

	return rules->port != 0 && https_redirect(rules, &call->request, &call->response);
}

void ask_handle(struct exchange *exchange, struct call *call)
{
	const struct app *app = exchange->app;

	if (UNLIKELY(is_sent_away(exchange, call)))
		return;
	note_request(exchange, call);
	count_request(exchange);
	call->request.now_ms = exchange->began_ms;
	exchange->handling = call;
	app->module->handle(app->state, &call->request, &call->response);
	exchange->handling = NULL;
	forget_request(exchange);
}

enum narwhal_outcome ask_begin(struct exchange *exchange, struct call *call)
{
	const struct app *app = exchange->app;
	enum narwhal_outcome outcome;

	if (UNLIKELY(is_sent_away(exchange, call)))
		return NARWHAL_DONE;
	note_request(exchange, call);
	exchange->beginning = call;
	outcome = app->module->begin(app->state, &call->request, &call->response);
	exchange->beginning = NULL;
	forget_request(exchange);
	/* Who leaves the body to be collected is asked again, and counted then. */
	if (outcome != NARWHAL_MORE || call->step != CALL_AT_HAND)
		count_request(exchange);
	return outcome;
}

enum narwhal_outcome ask_piece(struct exchange *exchange, struct call *call,
	struct narwhal_bytes piece)
{
	enum narwhal_outcome outcome;

	if (piece.size == 0)
		return NARWHAL_MORE;
	note_request(exchange, call);
	/* Until narwhal_request_resume(), even if that is called in there. */
	call->step = CALL_PAUSED;
	outcome = call->receiver->take(call->receiver_state, piece);
	if (outcome != NARWHAL_WAIT)
		call->step = CALL_RECEIVING;
	forget_request(exchange);
	return outcome;
}

void ask_done(struct exchange *exchange, struct call *call)
{
	note_request(exchange, call);
	call->step = CALL_ANSWERED;
	exchange->handling = call;
	call->receiver->done(call->receiver_state, &call->request, &call->response);
	exchange->handling = NULL;
	call_end_receiver(call);
	forget_request(exchange);
}
