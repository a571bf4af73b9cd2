/*
 * exchange.h - one request and its response: request_parse -> body -> app -> response_write.
 *
 * Knows no socket: it takes bytes that came in, and appends to what goes out. One exchange is at
 * work in a worker at any time; one that must wait for bytes is put aside with exchange_suspend().
 */
#ifndef SERVICE_EXCHANGE_H
#define SERVICE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/page.h"
#include "service/access.h"
#include "service/app.h"
#include "service/chunked.h"
#include "service/peer.h"
#include "service/request.h"
#include "service/response.h"
#include "service/transport.h"

/* Bytes that came in and were not used up. */
struct window {
	char *bytes;
	size_t size;
};

/* How far the reading of one request has come. */
struct intake {
	bool has_head;
	uint64_t began_us;  /* when the head was complete; as turn_us */
	uint64_t body_size; /* bytes of the body behind the head, decoded */
	struct chunked chunked;
};

/* A request that waits for more bytes. */
struct pending {
	struct intake intake;
	struct request request; /* cut behind the last field it has */
};

struct exchange {
	/* Set at boot. */
	struct request_limits limits;
	struct app *app;
	struct page *page;
	struct access *access; /* NULL: no access log */

	/* Set for each turn and connection. */
	uint64_t turn_us; /* of access_turn() */
	struct narwhal_bytes stamp;
	bool closing; /* every answer says Connection: close */

	/* The request in hand, and all that goes out as one write. */
	struct request *request;
	const char *bytes; /* that its offsets count from */
	const struct peer *peer;
	struct intake intake;
	size_t head_size; /* of the last answer's head */
	struct narwhal_response response;
	struct outgoing outgoing;
	const char *reason; /* of the last refusal */
	int failure;	    /* of the last response: not 0, -errno: the client got a 500 */
	uint64_t began_ms;  /* when the app got the last request; as clock_tick_ms() */
};

enum exchange_outcome {
	EXCHANGE_INCOMPLETE, /* more bytes are needed */
	EXCHANGE_ANSWERED,   /* and the connection goes on */
	EXCHANGE_LAST,	     /* answered; nothing can follow */
	EXCHANGE_REFUSED,    /* the same, and the log should say why: response.status, reason */
};

/* `limits`, `app` and `page` are set. 0 or -ENOMEM. */
MUST_USE int exchange_open(struct exchange *exchange);
void exchange_close(struct exchange *exchange);
/* For a new request, or to go on with one that waited; takes *pending and leaves NULL. */
void exchange_begin(struct exchange *exchange, struct pending **pending);
/* Puts the request aside. 0 or -ENOMEM. */
MUST_USE int exchange_suspend(const struct exchange *exchange, struct pending **pending);
/*
 * The window begins with the request, or with what the last call left of it; where a body is
 * decoded, its bytes change. When the request is answered, `*taken` bytes were its own. While it
 * is incomplete nothing is taken, but the window may become smaller at its end.
 */
enum exchange_outcome exchange_next(struct exchange *exchange, const struct peer *peer,
	struct window *window, size_t *taken);
/* Whether the answers so far must be written before there can be another one. */
PURE bool exchange_is_full(const struct exchange *exchange);
/* Answers with an error instead; `bytes` and `peer` are those of the request in hand. */
void exchange_refuse(struct exchange *exchange, unsigned status, const char *reason);
/* How many bytes of its body are known to be missing; 0 when that is unknown. */
PURE uint64_t pending_missing(const struct pending *pending);

#endif
