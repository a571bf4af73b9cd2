/*
 * delivery.h - the way out of a connection: answers written at the client's pace, and the end.
 *
 * Each function may end the connection: whoever calls one looks before touching it again.
 */
#ifndef SERVICE_DELIVERY_H
#define SERVICE_DELIVERY_H

#include <stdbool.h>

struct connection;
struct outgoing;

/*
 * Sends; what the kernel does not take becomes the connection's own and is waited for. True when
 * all is written and the connection goes on.
 */
bool delivery_flush(struct connection *connection, struct outgoing *outgoing);
/* The client has read nothing for so long that no room was told of: goes on, or ends it. */
void delivery_overdue(struct connection *connection);
/* After our end: throws away what comes until the client ends, too. */
void delivery_linger(struct connection *connection);

#endif
