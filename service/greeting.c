#include "service/greeting.h"

#include <errno.h>
#include <sys/epoll.h>

#include "service/connection.h"
#include "service/dialogue.h"
#include "service/tls_isolation.h"
#include "service/transport_tls.h"
#include "service/worker.h"

int greeting_start(struct connection *connection, struct narwhal_bytes early)
{
	connection->tls = false;
	return transport_tls_start(&connection->transport, connection->worker->tls, early);
}

int greeting_begin(struct connection *connection)
{
	static const struct narwhal_bytes nothing = {NULL, 0};

	if (LIKELY(!connection->tls)) {
		connection_wait(connection, DEADLINE_HEAD);
		return 0;
	}
	connection_wait(connection, DEADLINE_HANDSHAKE);
	/* A header that nobody may send is no ClientHello either. */
	if (connection->preface == PREFACE_FORBIDDEN)
		connection->preface = PREFACE_NONE;
	return connection->preface == PREFACE_NONE ? greeting_start(connection, nothing) : 0;
}

void greeting_wait(struct connection *connection)
{
	/* Who has not begun with it is idle to a worker that leaves. */
	bool leaves = connection->worker->step != WORKER_SERVING &&
		      !transport_tls_begun(&connection->transport);
	enum deadline_kind kind = leaves ? DEADLINE_GRACE : DEADLINE_HANDSHAKE;

	if (!deadline_is_set(&connection->deadline) || connection->deadline.kind != kind)
		connection_wait(connection, kind);
	connection_watch(connection, connection->transport.stuck);
}

static void note_failure(struct connection *connection, const char *reason)
{
	char peer[PEER_TEXT_MAX];

	page_count(&connection->worker->page->handshakes[PAGE_HANDSHAKE_FAILED], 1);
	log_info(&connection->worker->log, "handshake_failed",
		log_string("peer", peer_print(&connection->peer, peer)),
		log_string("reason", reason));
}

void greeting_break_off(struct connection *connection, ssize_t error)
{
	if (error == TRANSPORT_TLS_PLAIN) {
		page_count(&connection->worker->page->handshakes[PAGE_HANDSHAKE_FAILED], 1);
		dialogue_refuse(connection, 400,
			"this looks like plain HTTP, and the port speaks TLS");
		return;
	}
	if (connection->transport.greeting && error == -ETIMEDOUT)
		tls_isolation_refuse(&connection->transport);
	if (connection->transport.greeting && error != 0)
		note_failure(connection, error == -ETIMEDOUT
						 ? "it did not end in time"
						 : transport_tls_reason(&connection->transport));
	connection_end(connection);
}

void greeting_resume(struct transport *transport)
{
	struct connection *connection = CONTAINER_OF(transport, struct connection, transport);

	connection->watch.ready(&connection->watch, EPOLLIN);
}
