/*
 * call.h - one request that the app has, and its response, as long as either is of use.
 *
 * The worker has one call at hand, and it borrows the request's bytes: that is enough for who
 * answers at once. A call that the app keeps, to answer later or to take the body as it comes, gets
 * bytes of its own and belongs to its connection; the worker then takes another one to hand.
 */
#ifndef SERVICE_CALL_H
#define SERVICE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "service/chunked.h"
#include "service/local.h"
#include "service/request.h"
#include "service/response.h"
#include "service/view.h"

struct connection;
struct exchange;

/* How far the reading of one request has come. */
struct intake {
	bool has_head;
	uint64_t began_us;  /* when the head was complete; as turn_us of the exchange */
	uint64_t body_size; /* bytes of the body behind the head, decoded */
	bool discards;	    /* ... which are counted, and not kept */
	struct chunked chunked;
};

/* Bytes of the body that lie behind the head. */
static inline size_t intake_kept(const struct intake *intake)
{
	return intake->discards ? 0 : (size_t)intake->body_size;
}

enum call_step {
	CALL_AT_HAND,	/* answered when the app returns */
	CALL_RECEIVING, /* kept: its body goes to a receiver */
	CALL_PAUSED,	/* kept: the receiver has enough for now */
	CALL_DEFERRED,	/* kept: the app has said that it answers later */
	CALL_ANSWERED,	/* kept: the response is ready */
};

/* In a list of all that are kept; {0} in none. */
struct call_links {
	struct call_links *previous, *next;
};

struct call {
	struct narwhal_request request;
	struct narwhal_response response;
	struct exchange *exchange;
	enum call_step step;
	bool unread; /* it is answered before its body was read */
	struct intake intake;
	struct origin origin;
	struct text peer_text;
	char peer_bytes[PEER_TEXT_MAX];
	struct text local_text;
	char local_bytes[LOCAL_TEXT_MAX];

	/* Of a kept one. */
	struct call_links links;
	struct connection *connection; /* NULL: the client is gone */
	bool in_use;	  /* somebody else goes on with it: who finishes it does not free it */
	struct peer peer; /* its TLS is held */
	char *bytes;	  /* head and body */
	const struct narwhal_receiver *receiver;
	void *receiver_state;
	void (*gone)(void *state); /* who waits for the answer is told no more: the app is, once */
	void *gone_state;

	struct request head; /* last: its fields lie behind it */
};

/* A call to hand, with room for any head. NULL without memory. */
MUST_USE struct call *call_new(struct exchange *exchange);
/* Whose it is, and where it begins. */
static inline void call_place(struct call *call, const struct peer *peer, const char *bytes)
{
	call->request.peer = peer;
	call->request.bytes = bytes;
	call->origin.told = false;
}

/* What the app sees of it from now on. NULL, or why it is refused with 400 instead. */
MUST_USE const char *call_show(struct call *call);
/* Unless *call is NULL, which it is then. Whoever takes the body is ended. */
void call_free(struct call **call);
/* The connection takes what the exchange has just kept. */
void call_attach(struct call *call, struct connection *connection);
/* The connection ends: the app is told, and a call that it has deferred lives on until it answers.
 */
void call_abandon(struct call **call);
/* Tells the app, if it wants to know, that nobody may be there any more to read the answer. */
void call_tell_gone(struct call *call);
/* The body goes nowhere any more. */
void call_end_receiver(struct call *call);

#endif
