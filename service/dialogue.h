/*
 * dialogue.h - requests in, answers out, in their order: what becomes of bytes that came in.
 *
 * Reads nothing: connection.c brings the bytes. Writes nothing: delivery.c sends the answers. What
 * is left over, a request that is not complete or one whose turn comes later, stays with the
 * connection.
 */
#ifndef SERVICE_DIALOGUE_H
#define SERVICE_DIALOGUE_H

#include "service/exchange.h"

struct connection;

/*
 * Answers what is complete. The window is the connection's own input or the worker's scratch; what
 * is not used up is kept. May end the connection.
 */
void dialogue_serve(struct connection *connection, struct window window);
/*
 * Goes on with what is on its way out, or with what the app has. True when the client's bytes are
 * wanted again; if not, the connection may have ended.
 */
bool dialogue_resume(struct connection *connection);
/* Answers with an error, says so in the log, and ends. */
void dialogue_refuse(struct connection *connection, unsigned status, const char *reason);

#endif
