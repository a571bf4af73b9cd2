/*
 * transport.h - bytes from and to one client: plain sockets here, the place for TLS later.
 *
 * Knows nothing of HTTP. Nothing waits: what the kernel does not take stays where it is.
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

/* Sends what the kernel takes of what there is; `*sent` is how much that was. */
enum transport_outcome transport_write(int fd, struct outgoing *outgoing, uint64_t *sent);
/* Bytes read, 0 for the client's end, -EAGAIN, or another -errno. */
MUST_USE ssize_t transport_read(int fd, char *bytes, size_t size);
/* The same for bytes that nobody wants: what `bytes` holds then means nothing. */
MUST_USE ssize_t transport_discard(int fd, char *bytes, size_t size);
enum transport_state {
	TRANSPORT_OPEN,
	TRANSPORT_HALF,	  /* the client has ended its side, perhaps behind bytes to be read */
	TRANSPORT_BROKEN, /* nothing can be sent any more */
};

enum transport_state transport_state(int fd);
/* Whether there are bytes to be read. */
bool transport_has_input(int fd);
/* Bytes that were sent and that the client's side has not yet acknowledged. */
uint32_t transport_unread(int fd);
/* Our side ends; the client's may go on. */
void transport_finish(int fd);
/* The close to come is a reset: for a body whose regular end would be the connection's. */
void transport_abort(int fd);

#endif
