/*
 * transport.h - bytes from and to one client, by whatever stands between us and the socket.
 *
 * Knows nothing of HTTP. Nothing waits: what the kernel does not take stays where it is. Each kind
 * is a table of operations; what all kinds share is asked of the socket itself.
 */
#ifndef SERVICE_TRANSPORT_H
#define SERVICE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "service/outgoing.h"

enum transport_outcome {
	TRANSPORT_SENT,	   /* everything */
	TRANSPORT_BLOCKED, /* the client must read first; an edge of EPOLLOUT will tell */
	TRANSPORT_YIELDED, /* there is room for more, but this was one turn's share */
	TRANSPORT_GONE,	   /* the connection is broken */
	TRANSPORT_SHORT,   /* the file does not give as much as the head has promised */
};

struct tls_facts;
struct transport;

struct transport_kind {
	ssize_t (*read)(struct transport *transport, char *bytes, size_t size);
	enum transport_outcome (
		*write)(struct transport *transport, struct outgoing *outgoing, uint64_t *sent);
	bool (*has_input)(const struct transport *transport);
	/* NULL: there is nothing to do. */
	void (*finish)(struct transport *transport);
	/* As transport_settle(); NULL: TCP has all that was sent. */
	bool (*settle)(struct transport *transport);
	void (*close)(struct transport *transport);
};

struct transport {
	const struct transport_kind *kind;
	void *state;   /* the kind's own */
	int fd;	       /* borrowed */
	bool greeting; /* a handshake comes before the first byte, and is not over */
	bool stuck; /* bytes of the kind's own wait for room: the next read or write sends them */
	bool aside; /* the handshake waits for somebody else than the client, who will go on with it
		     */
	bool aborted;
	struct tls_facts *facts; /* NULL without TLS, and before the handshake is over */
	bool more; /* there may be more to read than the last read gave: no event will tell */
};

/* Bytes as they are. */
extern const struct transport_kind transport_plain;

/* Sends what the kernel takes of what there is; `*sent` is how much that was. */
static inline enum transport_outcome transport_write(struct transport *transport,
	struct outgoing *outgoing, uint64_t *sent)
{
	return transport->kind->write(transport, outgoing, sent);
}

/* Bytes read, 0 for the client's end, -EAGAIN, or another -errno. Says `more`. */
MUST_USE static inline ssize_t transport_read(struct transport *transport, char *bytes, size_t size)
{
	return transport->kind->read(transport, bytes, size);
}

/* The same for bytes that nobody wants: what `bytes` holds then means nothing. */
MUST_USE ssize_t transport_discard(struct transport *transport, char *bytes, size_t size);
/* The same of a connection that goes on behind them: as transport_read(). */
MUST_USE ssize_t transport_skip(struct transport *transport, char *bytes, size_t size);
enum transport_state {
	TRANSPORT_OPEN,
	TRANSPORT_HALF,	  /* the client has ended its side, perhaps behind bytes to be read */
	TRANSPORT_BROKEN, /* nothing can be sent any more */
};

enum transport_state transport_state(const struct transport *transport);
/* Whether there are bytes to be read. */
bool transport_has_input(const struct transport *transport);
/* Bytes that were sent and that the client's side has not yet acknowledged. */
uint32_t transport_unread(const struct transport *transport);
/*
 * Nothing more will be sent: says what is to be said at the end, and whether TCP has all of it, so
 * that a close(2) loses nothing. If not, the client's own end is to be waited for.
 */
MUST_USE bool transport_settle(struct transport *transport);
/* Our side ends; the client's may go on. */
void transport_finish(struct transport *transport);
/* The close to come is a reset: for a body whose regular end would be the connection's. */
void transport_abort(struct transport *transport);
/* Gives back what the kind holds; the socket is the caller's to close. */
void transport_close(struct transport *transport);

#endif
