/*
 * ask.h - the app's own functions, called for a request; the arbiter can see which it is.
 *
 * While one runs, the worker does nothing else: when it does not return within `timeout`, the
 * arbiter reports the request that stands in the page, and aborts the worker.
 */
#ifndef SERVICE_ASK_H
#define SERVICE_ASK_H

#include "service/exchange.h"

/* The whole request is there. */
void ask_handle(struct exchange *exchange, struct call *call);
/* Its head is. */
enum narwhal_outcome ask_begin(struct exchange *exchange, struct call *call);
/* A piece of the body, perhaps empty, for the receiver; NARWHAL_WAIT has paused the call. */
enum narwhal_outcome ask_piece(struct exchange *exchange, struct call *call,
	struct narwhal_bytes piece);
/* That was the last piece: the receiver answers, and is ended. */
void ask_done(struct exchange *exchange, struct call *call);

#endif
