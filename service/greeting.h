/*
 * greeting.h - what comes before a connection's first request: of TLS, the handshake.
 *
 * Each function but the first two may end the connection.
 */
#ifndef SERVICE_GREETING_H
#define SERVICE_GREETING_H

#include <sys/types.h>

#include "base/attr.h"
#include "narwhal/service.h"

struct connection;
struct transport;

/* A connection was accepted: what it waits for first. 0 or -ENOMEM. */
MUST_USE int greeting_begin(struct connection *connection);
/* The preface is over, and `early` was read behind it: TLS begins. 0 or -ENOMEM. */
MUST_USE int greeting_start(struct connection *connection, struct narwhal_bytes early);
/* Until the handshake goes on. */
void greeting_wait(struct connection *connection);
/*
 * Nothing more can be read: 0 for the client's end, -ETIMEDOUT, or another -errno. Answers who has
 * mistaken the port.
 */
void greeting_break_off(struct connection *connection, ssize_t error);
/* It has stood still, and what it waited for is there. */
void greeting_resume(struct transport *transport);

#endif
