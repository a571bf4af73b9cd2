#include "service/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "service/call.h"
#include "service/delivery.h"
#include "service/dialogue.h"
#include "service/greeting.h"
#include "service/stream.h"
#include "service/worker.h"

/* What is read of a request that nothing is known of: more would be copied out of the scratch. */
#define FIRST_READ ((size_t)16 * 1024)
/*
 * Above this a body is read to where it stays, and not by way of the scratch buffer, once as much
 * of it has come: a slow client does not touch a page for what it promises.
 */
#define DIRECT_MIN ((uint64_t)16 * 1024)
/* In one read: what is left in the socket costs another turn of the loop. */
#define DIRECT_MAX ((uint64_t)1024 * 1024)
/*
 * Room is made at once for all that is missing, up to here: a buffer that grows is copied each
 * time. What the client does not send after all is never touched, and so costs no memory.
 */
#define AHEAD_MAX ((uint64_t)16 * 1024 * 1024)
/* A connection's share of one turn. */
#define READS_MAX 2

static void connection_ready(struct watch *watch, uint32_t events);

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

void connection_open(struct worker *worker, int *fd, const struct peer *peer, bool tls)
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
		.tls = tls,
		.transport = {.kind = &transport_plain, .fd = *fd},
	};
	*fd = -1;
	origin_judge(&worker->rules, &connection->peer);
	connection->preface = origin_preface(&worker->rules, &connection->peer);
	atomic_store_explicit(&worker->page->accepted, accepted, memory_order_relaxed);
	count(worker);
	if (LIKELY(greeting_begin(connection) == 0))
		connection_proceed(connection);
	else
		connection_end(connection);
}

void connection_end(struct connection *connection)
{
	struct worker *worker = connection->worker;

	deadline_clear(&connection->deadline);
	if (UNLIKELY(outgoing_would_look_whole(&connection->outgoing)))
		transport_abort(&connection->transport);
	transport_close(&connection->transport);
	/* No epoll_ctl. But another one's event may end it, and the next client sits down here. */
	fd_close(&connection->watch.fd);
	loop_forget(&worker->loop, &connection->watch);
	buffer_free(&connection->input);
	free(connection->pending);
	connection->pending = NULL;
	call_abandon(&connection->call);
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

/* To where it stays: as transport_read(). */
static ssize_t read_body(struct connection *connection, uint64_t missing)
{
	struct buffer *input = &connection->input;
	size_t ahead = (size_t)(missing < AHEAD_MAX ? missing : AHEAD_MAX);
	size_t room = missing < DIRECT_MAX ? (size_t)missing : (size_t)DIRECT_MAX;
	ssize_t n;

	if (input->size - input->used < room && buffer_reserve_exactly(input, ahead) != 0)
		return -ENOMEM;
	n = transport_read(&connection->transport, input->bytes + input->used, room);
	if (n > 0)
		input->used += (size_t)n;
	return n;
}

/* Of a body that nobody wants. */
static ssize_t skip_body(struct connection *connection)
{
	uint64_t missing = pending_missing(connection->pending);
	ssize_t n = transport_skip(&connection->transport, connection->worker->scratch,
		missing < WORKER_SCRATCH ? (size_t)missing : WORKER_SCRATCH);

	if (n > 0)
		pending_skip(connection->pending, (uint64_t)n);
	return n;
}

/* Reads behind what is kept of a request. */
static ssize_t read_behind(struct connection *connection)
{
	char *scratch = connection->worker->scratch;
	uint64_t missing = pending_missing(connection->pending);
	ssize_t n;

	if (pending_discards(connection->pending))
		return skip_body(connection);
	if (missing >= DIRECT_MIN && connection->input.used >= DIRECT_MIN)
		return read_body(connection, missing);
	n = transport_read(&connection->transport, scratch,
		missing >= DIRECT_MIN ? FIRST_READ : WORKER_SCRATCH);
	if (n > 0 && buffer_add(&connection->input, scratch, (size_t)n) != 0)
		return -ENOMEM;
	return n;
}

static ssize_t receive_bytes(struct connection *connection, struct window *window)
{
	struct worker *worker = connection->worker;
	bool is_layered = connection->transport.state != NULL;
	ssize_t n;

	if (connection->input.used != 0) {
		n = read_behind(connection);
		*window = (struct window){connection->input.bytes, connection->input.used};
	} else {
		n = transport_read(&connection->transport, worker->scratch, FIRST_READ);
		*window = (struct window){worker->scratch, n > 0 ? (size_t)n : 0};
	}
	connection->peer.tls = connection->transport.facts;
	/* The end may stand behind what was read, or behind a part of a record: it was told of. */
	is_layered = is_layered && !connection->transport.aside;
	connection->readable = connection->transport.more ||
			       (connection->half && (n > 0 || (n == -EAGAIN && is_layered)));
	return n;
}

/* Reads once and answers what is complete; whether anything came. */
static bool receive(struct connection *connection)
{
	struct window window;
	ssize_t n = receive_bytes(connection, &window);

	connection->pace.bytes += n > 0 ? (uint64_t)n : 0;
	if (n > 0 && pending_discards(connection->pending))
		return true; /* nothing to do before the end of it */
	if (n > 0)
		dialogue_serve(connection, window);
	else if (n == 0 && (connection->pending != NULL || connection->call != NULL))
		dialogue_refuse(connection, 400, "the connection ended inside the request");
	else if (n == -ENOMEM)
		dialogue_refuse(connection, 503, "no memory for the body");
	else if (n != -EAGAIN)
		greeting_break_off(connection, n);
	return n > 0;
}

/* Who has said nothing wins no time: a part of a record is nothing yet. */
static void wait_on(struct connection *connection, enum deadline_kind kind, bool heard)
{
	if (heard || !deadline_is_set(&connection->deadline) || connection->deadline.kind != kind)
		connection_wait(connection, kind);
}

/* Until more of a body comes. */
static void wait_for_body(struct connection *connection, bool heard)
{
	const struct worker *worker = connection->worker;
	const struct pace_rule rule = {
		.timeout_ms = worker->heritage.settings.body_timeout,
		.rate = worker->heritage.settings.body_min_rate,
	};

	if (connection->step != CONNECTION_BODY)
		connection->pace = (struct pace){.since_ms = worker->now_ms};
	connection->step = CONNECTION_BODY;
	wait_on(connection, DEADLINE_BODY, heard);
	if (pace_holds(&connection->pace, &rule, worker->now_ms))
		connection_watch(connection, false);
	else
		dialogue_refuse(connection, 408, "the body comes too slowly");
}

/* Nothing to do until the client sends more. */
static void settle(struct connection *connection, bool heard)
{
	const struct pending *pending = connection->pending;

	if (UNLIKELY(connection->transport.greeting)) {
		greeting_wait(connection);
		return;
	}
	if (connection->call != NULL || (pending != NULL && pending->intake.has_head)) {
		wait_for_body(connection, heard);
		return;
	}
	if (pending == NULL && connection->worker->step != WORKER_SERVING) {
		wait_on(connection, DEADLINE_GRACE, heard);
	} else if (pending == NULL && connection->step == CONNECTION_IDLE) {
		wait_on(connection, DEADLINE_IDLE, heard);
		acceptors_resume_full(connection->worker);
	} else if (connection->step != CONNECTION_HEAD || !deadline_is_set(&connection->deadline) ||
		   connection->deadline.kind == DEADLINE_HANDSHAKE) {
		/* Counts from the head's first byte: more of them win no time. */
		connection->step = CONNECTION_HEAD;
		connection_wait(connection, DEADLINE_HEAD);
	}
	connection_watch(connection, connection->transport.stuck);
}

void connection_proceed(struct connection *connection)
{
	bool heard = false;

	if (connection->step == CONNECTION_LINGERING) {
		delivery_linger(connection);
		return;
	}
	if (connection->step > CONNECTION_IDLE && !dialogue_resume(connection))
		return;
	if (has_requests(connection))
		dialogue_serve(connection,
			(struct window){connection->input.bytes, connection->input.used});
	for (int i = 0; i < READS_MAX && connection->readable; i++) {
		if (!connection_is_listening(connection) || has_requests(connection))
			break;
		heard = receive(connection) || heard;
	}
	if (!connection_is_listening(connection))
		return;
	if (connection->readable || has_requests(connection))
		connection_wait(connection, DEADLINE_NEXT);
	else
		settle(connection, heard);
}

static void tell_app(struct connection *connection)
{
	if (connection->call != NULL)
		call_tell_gone(connection->call);
	else
		stream_tell_gone(connection->outgoing.stream);
}

/* Whether the client is still there, while the app has the request. May end the connection. */
static void look_after(struct connection *connection)
{
	switch (transport_state(&connection->transport)) {
	case TRANSPORT_OPEN:
		return;
	case TRANSPORT_HALF:
		tell_app(connection);
		return;
	case TRANSPORT_BROKEN:
		connection_end(connection);
		return;
	}
}

void connection_wait_for_app(struct connection *connection)
{
	connection->step = CONNECTION_WAITING;
	connection_wait(connection, DEADLINE_APP);
	connection_watch(connection, false);
	if (connection_is_open(connection) && connection->half)
		look_after(connection);
}

static void connection_ready(struct watch *watched, uint32_t events)
{
	struct connection *connection = CONTAINER_OF(watched, struct connection, watch);

	if (!connection_is_open(connection))
		return;
	if ((events & ~(uint32_t)EPOLLOUT) != 0 || connection->transport.stuck)
		connection->readable = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		connection->half = true;
	if (connection->step == CONNECTION_WRITING) {
		if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
			connection_proceed(connection);
	} else if (connection->step == CONNECTION_WAITING) {
		look_after(connection);
	} else if (connection->readable) {
		connection_proceed(connection);
	}
}
