#include "service/delivery.h"

#include <errno.h>

#include "service/connection.h"
#include "service/worker.h"

/*
 * What a client may go on sending after its answer before we no longer listen. In time and not in
 * bytes: one that uploads reads nothing before it is done, and one that trickles never is.
 */
#define LINGER_MAX_MS 30000
#define LINGER_READS 8

void delivery_linger(struct connection *connection)
{
	struct worker *worker = connection->worker;

	for (int i = 0; i < LINGER_READS && worker->now_ms < connection->linger_until_ms; i++) {
		ssize_t n =
			transport_discard(connection->watch.fd, worker->scratch, WORKER_SCRATCH);

		if (n == -EAGAIN) {
			connection_wait(connection, DEADLINE_LINGER);
			connection_watch(connection, false);
			return;
		}
		if (n <= 0) {
			connection_end(connection);
			return;
		}
	}
	if (worker->now_ms < connection->linger_until_ms)
		connection_wait(connection, DEADLINE_NEXT);
	else
		connection_end(connection);
}

/* Everything is written, and it was the last. */
static void finish(struct connection *connection)
{
	if (!connection->unread) {
		connection_end(connection);
		return;
	}
	transport_finish(connection->watch.fd);
	connection->step = CONNECTION_LINGERING;
	connection->linger_until_ms = connection->worker->now_ms + LINGER_MAX_MS;
	delivery_linger(connection);
}

/* What the kernel did not take becomes the connection's own, and is waited for. */
static void keep_outgoing(struct connection *connection, struct outgoing *outgoing, bool progress)
{
	if (outgoing != &connection->outgoing) {
		connection->outgoing = *outgoing;
		outgoing_init(outgoing);
	}
	if (progress || !deadline_is_set(&connection->deadline) ||
		connection->step != CONNECTION_WRITING)
		connection_wait(connection, DEADLINE_WRITE);
	connection->step = CONNECTION_WRITING;
}

/* The end of the connection tells the client that the body is not whole (RFC 9112 section 8). */
static void log_short(const struct connection *connection, uint64_t missing)
{
	char peer[PEER_TEXT_MAX];

	log_warning(&connection->worker->log, "file_shortened",
		log_string("peer", peer_print(&connection->peer, peer)),
		log_uint("missing", missing));
}

bool delivery_flush(struct connection *connection, struct outgoing *outgoing)
{
	uint64_t sent;

	switch (transport_write(connection->watch.fd, outgoing, &sent)) {
	case TRANSPORT_SENT:
		outgoing_reset(outgoing);
		if (!connection->last)
			return true;
		finish(connection);
		return false;
	case TRANSPORT_BLOCKED:
		keep_outgoing(connection, outgoing, sent != 0);
		connection->queued = transport_unread(connection->watch.fd);
		connection_watch(connection, true);
		return false;
	case TRANSPORT_YIELDED:
		keep_outgoing(connection, outgoing, true);
		connection_wait(connection, DEADLINE_NEXT);
		return false;
	case TRANSPORT_SHORT:
		log_short(connection, outgoing->file_left);
		break;
	case TRANSPORT_GONE:
		break;
	}
	outgoing_free(outgoing);
	connection_end(connection);
	return false;
}
