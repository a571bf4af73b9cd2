#include "service/delivery.h"

#include <errno.h>

#include "service/connection.h"
#include "service/stream.h"
#include "service/worker.h"

/*
 * What a client may go on sending after its answer before we no longer listen. In time and not in
 * bytes: one that uploads reads nothing before it is done, and one that trickles never is.
 */
#define LINGER_MAX_MS 30000
#define LINGER_READS 8
/* A stream's share of one turn; as a file's: service/transport.c. */
#define STREAM_SHARE ((uint64_t)512 * 1024)

void delivery_linger(struct connection *connection)
{
	struct worker *worker = connection->worker;

	for (int i = 0; i < LINGER_READS && worker->now_ms < connection->linger_until_ms; i++) {
		ssize_t n =
			transport_discard(&connection->transport, worker->scratch, WORKER_SCRATCH);

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
	if (!connection->unread && transport_settle(&connection->transport)) {
		connection_end(connection);
		return;
	}
	transport_finish(&connection->transport);
	connection->step = CONNECTION_LINGERING;
	connection->linger_until_ms = connection->worker->now_ms + LINGER_MAX_MS;
	delivery_linger(connection);
}

/* What cannot be sent now becomes the connection's own. */
static void keep_outgoing(struct connection *connection, struct outgoing *outgoing)
{
	if (outgoing == &connection->outgoing)
		return;
	connection->outgoing = *outgoing;
	*outgoing = (struct outgoing){0};
	access_notes_fit(connection->outgoing.notes);
	if (connection->outgoing.stream != NULL)
		connection->outgoing.stream->connection = connection;
}

/* Whether the client has read enough of what was given to the kernel for it. */
static bool keeps_up(const struct connection *connection)
{
	const struct settings *settings = &connection->worker->heritage.settings;
	const struct pace_rule rule = {settings->write_timeout, settings->write_min_rate};
	struct pace read = connection->pace;

	read.bytes -= connection->queued < read.bytes ? connection->queued : read.bytes;
	return pace_holds(&read, &rule, connection->worker->now_ms);
}

static void note_sent(struct connection *connection, uint64_t sent)
{
	connection->queued = transport_unread(&connection->transport);
	if (connection->step == CONNECTION_WRITING)
		connection->pace.bytes += sent;
	else
		connection->pace = (struct pace){connection->worker->now_ms, connection->queued};
	connection->step = CONNECTION_WRITING;
}

/* Whose answer it is, for a log line. */
static struct log_field log_peer(const struct connection *connection,
	const struct outgoing *outgoing, char bytes[PEER_TEXT_MAX])
{
	return log_string("peer", outgoing->label != NULL ? outgoing->label->client
							  : peer_print(&connection->peer, bytes));
}

static void give_up(struct connection *connection)
{
	const struct outgoing *outgoing = &connection->outgoing;
	char peer[PEER_TEXT_MAX];

	log_info(&connection->worker->log, "write_timeout", log_peer(connection, outgoing, peer),
		origin_log_id(outgoing->label));
	connection_end(connection);
}

/*
 * EPOLLOUT comes only when a third of the socket's buffer is free, which takes a slow client longer
 * than any timeout: what counts is whether it has read anything at all.
 */
void delivery_overdue(struct connection *connection)
{
	uint32_t before = connection->queued;

	connection->queued = transport_unread(&connection->transport);
	if (connection->queued < before && keeps_up(connection))
		connection_wait(connection, DEADLINE_WRITE);
	else
		give_up(connection);
}

/* Until the client has read more. */
static void wait_for_room(struct connection *connection, uint64_t sent)
{
	if (sent != 0 || !deadline_is_set(&connection->deadline) ||
		connection->step != CONNECTION_WRITING)
		connection_wait(connection, DEADLINE_WRITE);
	note_sent(connection, sent);
	if (keeps_up(connection))
		connection_watch(connection, true);
	else
		give_up(connection);
}

/* Until the stream's source has more; that costs no memory but the source's own. */
static void wait_for_source(struct connection *connection, struct outgoing *outgoing)
{
	const struct outgoing left = {
		.stream = outgoing->stream,
		.until_close = outgoing->until_close,
		.notes = outgoing->notes,
		.label = outgoing->label,
	};

	outgoing->stream = NULL;
	outgoing->until_close = false;
	outgoing->notes = NULL;
	outgoing->label = NULL;
	outgoing_free(&connection->outgoing);
	connection->outgoing = left;
	access_notes_fit(left.notes);
	left.stream->connection = connection;
	connection_wait_for_app(connection);
}

EXPORT void narwhal_stream_resume(struct narwhal_stream *stream)
{
	struct connection *connection = stream->connection;

	stream->waiting = false;
	/* As for a call; two that resume each other from pull() would else hold the turn. */
	if (connection != NULL && connection->step == CONNECTION_WAITING)
		connection_wait(connection, DEADLINE_NEXT);
}

/* The end of the connection tells the client that the body is not whole (RFC 9112 section 8). */
static void log_cut(struct connection *connection, const struct outgoing *outgoing)
{
	const struct narwhal_stream *stream = outgoing->stream;
	char bytes[PEER_TEXT_MAX];
	const struct log_field peer = log_peer(connection, outgoing, bytes);
	const struct log_field id = origin_log_id(outgoing->label);

	if (outgoing->file_left != 0)
		log_warning(&connection->worker->log, "file_shortened", peer,
			log_uint("missing", outgoing->file_left), id);
	else if (stream != NULL)
		log_warning(&connection->worker->log, "stream_failed", peer,
			log_errno("error", stream->error), id);
}

/*
 * Writes and asks the source in turn. When it ends with TRANSPORT_SENT and the stream is still
 * there, its source has nothing now.
 */
static enum transport_outcome send_stream(struct transport *transport, struct outgoing *outgoing,
	uint64_t *sent)
{
	enum stream_outcome filled = STREAM_MORE;
	enum transport_outcome outcome;
	uint64_t written = 0;

	for (*sent = 0; *sent < STREAM_SHARE;) {
		if (outgoing_is_empty(outgoing))
			filled = stream_fill(outgoing);
		if (filled == STREAM_FAILED)
			return TRANSPORT_SHORT;
		outcome = transport_write(transport, outgoing, &written);
		*sent += written;
		if (outcome != TRANSPORT_SENT)
			return outcome;
		outgoing_reset(outgoing);
		if (filled != STREAM_MORE)
			return TRANSPORT_SENT;
		if (written == 0)
			break;
	}
	return TRANSPORT_YIELDED;
}

static enum transport_outcome send_outgoing(struct transport *transport, struct outgoing *outgoing,
	uint64_t *sent)
{
	enum transport_outcome outcome = LIKELY(outgoing->stream == NULL)
						 ? transport_write(transport, outgoing, sent)
						 : send_stream(transport, outgoing, sent);

	if (UNLIKELY(outgoing->notes != NULL))
		outgoing->notes->sent += *sent;
	return outcome;
}

bool delivery_flush(struct connection *connection, struct outgoing *outgoing)
{
	uint64_t sent;

	switch (send_outgoing(&connection->transport, outgoing, &sent)) {
	case TRANSPORT_SENT:
		if (UNLIKELY(outgoing->stream != NULL)) {
			wait_for_source(connection, outgoing);
			return false;
		}
		outgoing_reset(outgoing);
		if (UNLIKELY(outgoing->notes != NULL))
			access_notes_end(outgoing->notes);
		if (!connection->last || connection->call != NULL)
			return true;
		finish(connection);
		return false;
	case TRANSPORT_BLOCKED:
		keep_outgoing(connection, outgoing);
		wait_for_room(connection, sent);
		return false;
	case TRANSPORT_YIELDED:
		keep_outgoing(connection, outgoing);
		note_sent(connection, sent);
		connection_wait(connection, DEADLINE_NEXT);
		return false;
	case TRANSPORT_SHORT:
		log_cut(connection, outgoing);
		break;
	case TRANSPORT_GONE:
		break;
	}
	keep_outgoing(connection, outgoing);
	connection_end(connection);
	return false;
}
