/*
 * connection.h - one client, from accept(2) to close(2): what it waits for, and what comes next.
 *
 * A connection that waits owns no heap. Bytes are read into one buffer of the worker's and
 * answers are written from another; only what is left over of a request that is not complete,
 * or of an answer that the client does not read, becomes the connection's own.
 *
 * Events are hints, never facts: each is followed by a system call that says what is true. So one
 * that comes late, or is meant for an earlier connection in the same memory, does no harm.
 */
#ifndef SERVICE_CONNECTION_H
#define SERVICE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/loop.h"
#include "service/deadlines.h"
#include "service/pace.h"
#include "service/peer.h"
#include "service/preface.h"
#include "service/transport.h"

struct call;
struct pending;
struct worker;

enum connection_step {
	/* Bytes of the client's are welcome. */
	CONNECTION_HEAD, /* waits for the rest of a head; after accept, for all of it */
	CONNECTION_BODY, /* waits for the rest of a body */
	CONNECTION_IDLE, /* waits for the next request */

	/* They stay in the kernel. */
	CONNECTION_WRITING,   /* waits until the client has read more */
	CONNECTION_WAITING,   /* waits for the app, as long as that takes */
	CONNECTION_LINGERING, /* has ended its side and throws away what still comes */
};

struct connection {
	struct watch watch;
	struct transport transport; /* on the watch's descriptor */
	struct worker *worker;
	struct deadline deadline;
	struct peer peer;
	enum connection_step step;
	enum preface preface;
	bool tls;	  /* TLS begins behind the preface */
	bool watched;	  /* by the loop */
	bool wants_room;  /* and for EPOLLOUT, too */
	bool readable;	  /* the kernel may have more than was read */
	bool half;	  /* the client has ended its side, perhaps behind bytes to be read */
	bool last;	  /* ends when everything is written */
	bool unread;	  /* ends with bytes of the client's unread: lingers, so that no reset
			     overtakes the answer (RFC 9112 section 9.6) */
	uint32_t queued;  /* bytes in the socket when it was last seen full */
	struct pace pace; /* of the body that comes, or of the answer that does not go */
	uint64_t linger_until_ms;
	struct buffer input;
	struct pending *pending; /* the request of which `input` is a part */
	struct call *call;	 /* the request that the app keeps; `input` is behind it */
	struct outgoing outgoing;
	struct connection *next_spare;
};

static inline bool connection_is_open(const struct connection *connection)
{
	return connection->watch.fd >= 0;
}

/* Whether it can take more bytes of the client's. */
static inline bool connection_is_listening(const struct connection *connection)
{
	return connection_is_open(connection) && connection->step <= CONNECTION_IDLE;
}

/* Takes *fd, which was just accepted, and serves what is there already. */
void connection_open(struct worker *worker, int *fd, const struct peer *peer, bool tls);
/* Closes at once. */
void connection_end(struct connection *connection);
/* Goes on with whatever it was in; may end it. */
void connection_proceed(struct connection *connection);

/* For delivery.c: from now on it waits for `kind`. */
void connection_wait(struct connection *connection, enum deadline_kind kind);
/* From now on it waits for the app, which may have to hear that the client has ended its side. */
void connection_wait_for_app(struct connection *connection);
/* Asks the loop for input, and from the first time on for room to write in, too; may end it. */
void connection_watch(struct connection *connection, bool wants_room);

#endif
