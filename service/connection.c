#include "service/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "service/delivery.h"
#include "service/worker.h"

/* Above this a body is read to where it stays, and not by way of the scratch buffer. */
#define DIRECT_MIN ((uint64_t)WORKER_SCRATCH)
#define DIRECT_MAX ((uint64_t)256 * 1024)
/* A connection's share of one turn. */
#define READS_MAX 2
/* And when the turn has lasted so long already, one answer: others wait, too. */
#define TURN_MS 10

static void connection_ready(struct watch *watch, uint32_t events);
static void proceed(struct connection *connection);

static bool is_open(const struct connection *connection)
{
	return connection->watch.fd >= 0;
}

void connection_wait(struct connection *connection, enum deadline_kind kind)
{
	struct worker *worker = connection->worker;

	deadline_set(&worker->deadlines, &connection->deadline, kind, worker->now_ms);
}

/* Whole requests that it has not come to yet. */
static bool has_requests(const struct connection *connection)
{
	return connection->input.used != 0 && connection->pending == NULL;
}

static void count(struct worker *worker)
{
	atomic_store_explicit(&worker->page->connections, (uint32_t)worker->pool.used,
		memory_order_relaxed);
}

void connection_open(struct worker *worker, int *fd, const struct peer *peer)
{
	struct connection *connection = pool_take(&worker->pool);
	uint64_t accepted = atomic_load_explicit(&worker->page->accepted, memory_order_relaxed) + 1;

	MUST(connection != NULL);
	*connection = (struct connection){
		.watch = {.fd = *fd, .ready = connection_ready},
		.worker = worker,
		.peer = *peer,
		.step = CONNECTION_HEAD,
		.readable = true,
		.outgoing = {.file_fd = -1},
	};
	*fd = -1;
	atomic_store_explicit(&worker->page->accepted, accepted, memory_order_relaxed);
	count(worker);
	connection_wait(connection, DEADLINE_HEAD);
	proceed(connection);
}

void connection_end(struct connection *connection)
{
	struct worker *worker = connection->worker;

	deadline_clear(&connection->deadline);
	/* The last descriptor of a socket takes its place in the epoll set with it: no epoll_ctl.
	 */
	fd_close(&connection->watch.fd);
	buffer_free(&connection->input);
	free(connection->pending);
	connection->pending = NULL;
	outgoing_free(&connection->outgoing);
	pool_put(&worker->pool, connection);
	count(worker);
	acceptors_resume(worker);
}

/* Edge-triggered, and only once: the loop tells of each change, and nothing is asked twice. */
void connection_watch(struct connection *connection, bool wants_room)
{
	struct loop *loop = &connection->worker->loop;
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET | (wants_room ? EPOLLOUT : 0);
	int error = 0;

	if (!connection->watched)
		error = loop_add(loop, &connection->watch, events);
	else if (wants_room && !connection->wants_room)
		error = loop_change(loop, &connection->watch, events);
	if (error != 0) {
		log_warning(&connection->worker->log, "connection_dropped",
			log_errno("error", error));
		connection_end(connection);
		return;
	}
	connection->watched = true;
	connection->wants_room = connection->wants_room || wants_room;
}

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
	char peer[PEER_TEXT_MAX];

	log_info(&connection->worker->log, "request_refused",
		log_string("peer", peer_print(&connection->peer, peer)),
		log_uint("status", exchange->response.status),
		log_string("reason", exchange->reason));
}

/* The app asked for what is no HTTP, or for a file that gave less than its size. */
static void log_failure(struct connection *connection)
{
	char peer[PEER_TEXT_MAX];

	log_warning(&connection->worker->log, "response_failed",
		log_string("peer", peer_print(&connection->peer, peer)),
		log_errno("error", connection->worker->exchange.failure));
}

/* Whatever else came or comes in will not be answered. */
static void deliver_last(struct connection *connection, bool unread)
{
	buffer_free(&connection->input);
	connection->last = true;
	connection->unread = unread;
	(void)delivery_flush(connection, &connection->worker->exchange.outgoing);
}

static void refuse(struct connection *connection, unsigned status, const char *reason)
{
	struct exchange *exchange = &connection->worker->exchange;

	exchange_begin(exchange, &connection->pending);
	exchange_refuse(exchange, status, reason);
	log_refusal(connection);
	deliver_last(connection, true);
}

enum served {
	SERVED_ALL,  /* what is left is no whole request */
	SERVED_TURN, /* its share of this turn; requests are left */
	SERVED_FULL, /* enough answers for one write; requests may be left */
	SERVED_LAST, /* whatever is left will not be answered */
};

/* Answers the requests in the window, as long as the answers fit one write. */
static enum served answer(struct connection *connection, struct window *window)
{
	struct exchange *exchange = &connection->worker->exchange;
	enum exchange_outcome outcome;
	size_t taken;

	while (window->size != 0) {
		exchange_begin(exchange, &connection->pending);
		outcome = exchange_next(exchange, &connection->peer, window, &taken);
		if (outcome == EXCHANGE_INCOMPLETE)
			return SERVED_ALL;
		window->bytes += taken;
		window->size -= taken;
		connection->step = CONNECTION_IDLE;
		if (outcome == EXCHANGE_REFUSED)
			log_refusal(connection);
		else if (UNLIKELY(exchange->failure != 0))
			log_failure(connection);
		if (outcome != EXCHANGE_ANSWERED)
			return SERVED_LAST;
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
		refuse(connection, 503, "no memory to wait for the rest of the request");
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

static void serve(struct connection *connection, struct window window)
{
	struct exchange *exchange = &connection->worker->exchange;

	for (;;) {
		switch (answer(connection, &window)) {
		case SERVED_ALL:
			put_aside(connection, &window, window.size != 0);
			return;
		case SERVED_TURN:
			put_aside(connection, &window, false);
			return;
		case SERVED_LAST:
			deliver_last(connection, window.size != 0 || connection->readable);
			return;
		case SERVED_FULL:
			if (delivery_flush(connection, &exchange->outgoing))
				break;
			if (is_open(connection))
				put_off(connection, &window);
			return;
		}
	}
}

/* Whether it can take more bytes of the client's. */
static bool is_listening(const struct connection *connection)
{
	return is_open(connection) && connection->step != CONNECTION_WRITING &&
	       connection->step != CONNECTION_LINGERING;
}

/* Reads behind what is kept of a request. As transport_read(); *room is what was asked for. */
static ssize_t read_behind(struct connection *connection, size_t *room)
{
	struct worker *worker = connection->worker;
	struct buffer *input = &connection->input;
	uint64_t missing = pending_missing(connection->pending);
	ssize_t n;

	if (missing < DIRECT_MIN) {
		*room = WORKER_SCRATCH;
		n = transport_read(connection->watch.fd, worker->scratch, WORKER_SCRATCH);
		if (n > 0 && buffer_add(input, worker->scratch, (size_t)n) != 0)
			return -ENOMEM;
		return n;
	}
	*room = missing < DIRECT_MAX ? (size_t)missing : (size_t)DIRECT_MAX;
	if (buffer_reserve(input, *room) != 0)
		return -ENOMEM;
	n = transport_read(connection->watch.fd, input->bytes + input->used, *room);
	if (n > 0)
		input->used += (size_t)n;
	return n;
}

static ssize_t receive_bytes(struct connection *connection, struct window *window)
{
	struct worker *worker = connection->worker;
	size_t room = WORKER_SCRATCH;
	ssize_t n;

	if (connection->input.used != 0) {
		n = read_behind(connection, &room);
		*window = (struct window){connection->input.bytes, connection->input.used};
	} else {
		n = transport_read(connection->watch.fd, worker->scratch, room);
		*window = (struct window){worker->scratch, n > 0 ? (size_t)n : 0};
	}
	/* A short read has emptied the socket: the next edge will tell of more (epoll(7)). */
	connection->readable = n == (ssize_t)room || (n > 0 && connection->half);
	return n;
}

/* Reads once and answers what is complete. */
static void receive(struct connection *connection)
{
	struct window window;
	ssize_t n = receive_bytes(connection, &window);

	if (n > 0)
		serve(connection, window);
	else if (n == 0 && connection->pending != NULL)
		refuse(connection, 400, "the connection ended inside the request");
	else if (n == -ENOMEM)
		refuse(connection, 503, "no memory for the body");
	else if (n != -EAGAIN)
		connection_end(connection);
}

/* Nothing to do until the client sends more. */
static void settle(struct connection *connection)
{
	const struct pending *pending = connection->pending;

	if (pending != NULL && pending->intake.has_head) {
		connection->step = CONNECTION_BODY;
		connection_wait(connection, DEADLINE_BODY);
	} else if (pending == NULL && connection->worker->step != WORKER_SERVING) {
		connection_wait(connection, DEADLINE_GRACE);
	} else if (pending == NULL && connection->step == CONNECTION_IDLE) {
		connection_wait(connection, DEADLINE_IDLE);
		acceptors_resume_full(connection->worker);
	} else if (connection->step != CONNECTION_HEAD || !deadline_is_set(&connection->deadline)) {
		/* Counts from the head's first byte: more of them win no time. */
		connection->step = CONNECTION_HEAD;
		connection_wait(connection, DEADLINE_HEAD);
	}
	connection_watch(connection, false);
}

/* Goes on with whatever the connection was in. */
static void proceed(struct connection *connection)
{
	if (connection->step == CONNECTION_LINGERING) {
		delivery_linger(connection);
		return;
	}
	if (connection->step == CONNECTION_WRITING) {
		if (!delivery_flush(connection, &connection->outgoing))
			return;
		outgoing_free(&connection->outgoing);
		connection->step = CONNECTION_IDLE;
	}
	if (has_requests(connection))
		serve(connection, (struct window){connection->input.bytes, connection->input.used});
	for (int i = 0; i < READS_MAX && connection->readable; i++) {
		if (!is_listening(connection) || has_requests(connection))
			break;
		receive(connection);
	}
	if (!is_listening(connection))
		return;
	if (connection->readable || has_requests(connection))
		connection_wait(connection, DEADLINE_NEXT);
	else
		settle(connection);
}

static void connection_ready(struct watch *watched, uint32_t events)
{
	struct connection *connection = CONTAINER_OF(watched, struct connection, watch);

	if (!is_open(connection))
		return;
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		connection->readable = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		connection->half = true;
	if (connection->step == CONNECTION_WRITING) {
		if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
			proceed(connection);
	} else if (connection->readable) {
		proceed(connection);
	}
}

/*
 * When time is over: a worker that was busy is late itself, and what came meanwhile came in time.
 * Goes on, and says whether there was a request, or nothing can come any more.
 */
static bool catch_up(struct connection *connection)
{
	struct worker *worker = connection->worker;
	uint64_t before = worker->page->requests;

	connection->readable = true;
	proceed(connection);
	return worker->page->requests != before || !is_listening(connection);
}

void connection_end_idle(struct connection *connection)
{
	if (!catch_up(connection) && connection->pending == NULL)
		connection_end(connection);
}

/* More bytes of the head win no time; the end of it does. */
static void end_head(struct connection *connection)
{
	if (!catch_up(connection) && connection->step == CONNECTION_HEAD)
		refuse(connection, 408, "the head did not come in time");
}

static void end_body(struct connection *connection)
{
	if (transport_has_input(connection->watch.fd))
		(void)catch_up(connection);
	else
		refuse(connection, 408, "the body did not go on in time");
}

/*
 * EPOLLOUT comes only when a third of the socket's buffer is free, which takes a slow client longer
 * than any timeout: what counts is whether it has read anything at all.
 */
static void end_write(struct connection *connection)
{
	char peer[PEER_TEXT_MAX];
	uint32_t queued = transport_unread(connection->watch.fd);

	if (queued < connection->queued) {
		connection->queued = queued;
		connection_wait(connection, DEADLINE_WRITE);
		return;
	}
	log_info(&connection->worker->log, "write_timeout",
		log_string("peer", peer_print(&connection->peer, peer)));
	connection_end(connection);
}

void connection_overdue(struct connection *connection)
{
	switch (connection->deadline.kind) {
	case DEADLINE_NOW:
	case DEADLINE_NEXT:
		proceed(connection);
		break;
	case DEADLINE_HEAD:
		end_head(connection);
		break;
	case DEADLINE_BODY:
		end_body(connection);
		break;
	case DEADLINE_IDLE:
	case DEADLINE_GRACE:
		connection_end_idle(connection);
		break;
	case DEADLINE_WRITE:
		end_write(connection);
		break;
	case DEADLINE_LINGER:
	case DEADLINES:
		connection_end(connection);
		break;
	}
}
