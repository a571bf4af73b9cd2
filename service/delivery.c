#include "service/delivery.h"

#include <errno.h>

#include "service/connection.h"
#include "service/worker.h"

/* What a client may still send after its answer before we no longer listen. */
#define LINGER_BYTES_MAX ((uint32_t)16 * 1024 * 1024)
#define LINGER_READS 8

void delivery_linger(struct connection *connection)
{
	struct worker *worker = connection->worker;

	for (int i = 0; i < LINGER_READS; i++) {
		ssize_t n = transport_read(connection->watch.fd, worker->scratch, WORKER_SCRATCH);

		if (n == -EAGAIN) {
			connection_wait(connection, DEADLINE_LINGER);
			connection_watch(connection, false);
			return;
		}
		if (n <= 0 || connection->lingered + (uint32_t)n > LINGER_BYTES_MAX) {
			connection_end(connection);
			return;
		}
		connection->lingered += (uint32_t)n;
	}
	connection_wait(connection, DEADLINE_NEXT);
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
	case TRANSPORT_GONE:
		break;
	}
	outgoing_free(outgoing);
	connection_end(connection);
	return false;
}
