#include "service/dialogue.h"

#include "service/connection.h"
#include "service/delivery.h"
#include "service/greeting.h"
#include "service/worker.h"

/* When a turn has lasted so long already, a connection has one answer of it: others wait, too. */
#define TURN_MS 10

/* What came in but is not used up is kept with the connection. 0 or -ENOMEM. */
static int keep_input(struct connection *connection, const struct window *rest)
{
	struct buffer *input = &connection->input;

	if (rest->size == 0) {
		buffer_free(input);
		return 0;
	}
	if (input->used == 0)
		return buffer_add(input, rest->bytes, rest->size);
	/* The rest lies in it already: cut what is behind it, then what is before. */
	input->used = (size_t)(rest->bytes + rest->size - input->bytes);
	buffer_consume(input, (size_t)(rest->bytes - input->bytes));
	return 0;
}

static void log_refusal(struct connection *connection)
{
	struct exchange *exchange = &connection->worker->exchange;

	log_info(&connection->worker->log, "request_refused",
		log_string("peer", exchange->label.client), log_uint("status", exchange->status),
		log_string("reason", exchange->reason), origin_log_id(&exchange->label));
}

/* The app asked for what is no HTTP, or for a file that gave less than its size. */
static void log_failure(struct connection *connection)
{
	struct exchange *exchange = &connection->worker->exchange;

	log_warning(&connection->worker->log, "response_failed",
		log_string("peer", exchange->label.client), log_errno("error", exchange->failure),
		origin_log_id(&exchange->label));
}

static void tell_log(struct connection *connection, enum exchange_outcome outcome)
{
	if (outcome == EXCHANGE_REFUSED)
		log_refusal(connection);
	else if (UNLIKELY(connection->worker->exchange.failure != 0))
		log_failure(connection);
}

/* Whatever else came or comes in will not be answered. */
static void deliver_last(struct connection *connection, bool unread)
{
	buffer_free(&connection->input);
	connection->last = true;
	connection->unread = connection->unread || unread;
	(void)delivery_flush(connection, &connection->worker->exchange.outgoing);
}

void dialogue_refuse(struct connection *connection, unsigned status, const char *reason)
{
	struct exchange *exchange = &connection->worker->exchange;

	if (connection->call == NULL) {
		const char *bytes = exchange->call->request.bytes;

		exchange_begin(exchange, &connection->pending);
		if (connection->input.used != 0) /* else they are where they came in */
			bytes = connection->input.bytes;
		call_place(exchange->call, &connection->peer, bytes);
	}
	(void)exchange_refuse(exchange,
		connection->call != NULL ? connection->call : exchange->call, status, reason);
	call_free(&connection->call);
	log_refusal(connection);
	deliver_last(connection, true);
}

enum served {
	SERVED_ALL,  /* what is left is no whole request */
	SERVED_TURN, /* its share of this turn; requests are left */
	SERVED_FULL, /* enough answers for one write; requests may be left */
	SERVED_APP,  /* the app has one and answers later; requests may be left */
	SERVED_LAST, /* whatever is left will not be answered */
};

/* One request, or a part of one. */
static enum exchange_outcome advance(struct connection *connection, struct window *window)
{
	struct exchange *exchange = &connection->worker->exchange;
	enum exchange_outcome outcome;
	size_t taken;

	exchange->fd = connection->watch.fd;
	if (UNLIKELY(connection->call != NULL)) {
		outcome = exchange_feed(exchange, connection->call, window, &taken);
	} else {
		exchange_begin(exchange, &connection->pending);
		outcome = exchange_next(exchange, &connection->peer, window, &taken);
	}
	window->bytes += taken;
	window->size -= taken;
	if (UNLIKELY(exchange->kept != NULL))
		call_attach(exchange->kept, connection);
	if (UNLIKELY(connection->call != NULL) && outcome != EXCHANGE_KEPT)
		call_free(&connection->call);
	return outcome;
}

/* Answers the requests in the window, as long as the answers fit one write. */
static enum served answer(struct connection *connection, struct window *window)
{
	struct exchange *exchange = &connection->worker->exchange;
	enum exchange_outcome outcome;

	while (window->size != 0) {
		outcome = advance(connection, window);
		if (outcome == EXCHANGE_INCOMPLETE)
			return SERVED_ALL;
		if (UNLIKELY(outcome == EXCHANGE_KEPT)) {
			if (connection->call->step != CALL_RECEIVING)
				return SERVED_APP;
			continue;
		}
		connection->step = CONNECTION_IDLE;
		tell_log(connection, outcome);
		if (outcome != EXCHANGE_ANSWERED) {
			connection->unread = outcome != EXCHANGE_LAST;
			return SERVED_LAST;
		}
		if (exchange_is_full(exchange))
			return SERVED_FULL;
		if (exchange->began_ms > connection->worker->now_ms + TURN_MS && window->size != 0)
			return SERVED_TURN;
	}
	return SERVED_ALL;
}

/* The rest waits: for more bytes of a request that has begun, or for the next turn. */
static void put_aside(struct connection *connection, const struct window *rest, bool begun)
{
	struct exchange *exchange = &connection->worker->exchange;
	int error = begun ? exchange_suspend(exchange, &connection->pending) : 0;

	if (error == 0)
		error = keep_input(connection, rest);
	if (error != 0)
		dialogue_refuse(connection, 503, "no memory to wait for the rest of the request");
	else if (!outgoing_is_empty(&exchange->outgoing))
		(void)delivery_flush(connection, &exchange->outgoing);
}

/* Requests that must wait until the answers before them are written. */
static void put_off(struct connection *connection, const struct window *rest)
{
	int error = keep_input(connection, rest);

	if (error == 0)
		return;
	log_warning(&connection->worker->log, "requests_dropped", log_errno("error", error));
	connection->last = true;
	connection->unread = true;
}

/* The app has a request: what was answered before goes out, and what came behind it waits. */
static void hand_over(struct connection *connection, const struct window *rest)
{
	put_off(connection, rest);
	if (outgoing_is_empty(&connection->worker->exchange.outgoing) ||
		delivery_flush(connection, &connection->worker->exchange.outgoing))
		connection_wait_for_app(connection);
}

/* The app has answered one that it had kept. */
static bool conclude(struct connection *connection)
{
	struct exchange *exchange = &connection->worker->exchange;
	enum exchange_outcome outcome = exchange_conclude(exchange, connection->call);

	call_free(&connection->call);
	tell_log(connection, outcome);
	if (outcome == EXCHANGE_ANSWERED && !connection->last)
		return delivery_flush(connection, &exchange->outgoing);
	deliver_last(connection,
		outcome == EXCHANGE_EARLY || connection->input.used != 0 || connection->readable);
	return false;
}

bool dialogue_resume(struct connection *connection)
{
	if (connection->step == CONNECTION_WRITING || connection->outgoing.stream != NULL) {
		if (!delivery_flush(connection, &connection->outgoing))
			return false;
		outgoing_free(&connection->outgoing);
	}
	if (connection->call != NULL && connection->call->step != CALL_RECEIVING) {
		if (connection->call->step != CALL_ANSWERED) {
			connection_wait_for_app(connection);
			return false;
		}
		if (!conclude(connection))
			return false;
	}
	connection->step = CONNECTION_IDLE;
	return true;
}

/* The preface went before a handshake. False: what there is was no request. */
static bool begin_tls(struct connection *connection, const struct window *window)
{
	int error = greeting_start(connection, (struct narwhal_bytes){window->bytes, window->size});

	buffer_free(&connection->input);
	connection->readable = true;
	if (error != 0)
		dialogue_refuse(connection, 503, "no memory for TLS");
	return false;
}

/* What stands before the first request. False: there is nothing more to do for now. */
static bool pass_preface(struct connection *connection, struct window *window)
{
	struct worker *worker = connection->worker;
	const struct narwhal_bytes bytes = {window->bytes, window->size};
	struct preface_result result;

	exchange_begin(&worker->exchange, &connection->pending);
	switch (preface_read(connection->preface, worker->rules.protocol, bytes, &connection->peer,
		&result)) {
	case PREFACE_MORE:
		put_aside(connection, window, true);
		return false;
	case PREFACE_REFUSED:
		dialogue_refuse(connection, 400, result.reason);
		return false;
	case PREFACE_READ:
		break;
	}
	connection->preface = PREFACE_NONE;
	/* Who sends requests is the one it names: whether that one is believed is another question.
	 */
	origin_judge(&worker->rules, &connection->peer);
	window->bytes += result.size;
	window->size -= result.size;
	return !connection->tls || begin_tls(connection, window);
}

void dialogue_serve(struct connection *connection, struct window window)
{
	struct exchange *exchange = &connection->worker->exchange;

	if (UNLIKELY(connection->preface != PREFACE_NONE) && !pass_preface(connection, &window))
		return;
	for (;;) {
		switch (answer(connection, &window)) {
		case SERVED_ALL:
			put_aside(connection, &window, window.size != 0);
			return;
		case SERVED_TURN:
			put_aside(connection, &window, false);
			return;
		case SERVED_APP:
			hand_over(connection, &window);
			return;
		case SERVED_LAST:
			deliver_last(connection, window.size != 0 || connection->readable);
			return;
		case SERVED_FULL:
			if (delivery_flush(connection, &exchange->outgoing))
				break;
			if (connection_is_open(connection))
				put_off(connection, &window);
			return;
		}
	}
}
