/*
 * exchange.h - one request and its response: request_parse -> body -> app -> response_write.
 *
 * Knows no socket: it takes bytes that came in, and appends to what goes out. One exchange is at
 * work in a worker at any time; one that must wait for bytes is put aside with exchange_suspend(),
 * and one that must wait for the app is a call of its own (call.h).
 */
#ifndef SERVICE_EXCHANGE_H
#define SERVICE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/page.h"
#include "service/access.h"
#include "service/app.h"
#include "service/call.h"
#include "service/peer.h"
#include "service/request.h"
#include "service/response.h"
#include "service/transport.h"

/* Bytes that came in and were not used up. */
struct window {
	char *bytes;
	size_t size;
};

/* A request that waits for more bytes. */
struct pending {
	struct intake intake;
	struct origin_identity identity; /* the app may have seen it */
	struct request request;		 /* cut behind the last field it has */
};

struct exchange {
	/* Set at boot. */
	struct request_limits limits;
	struct app *app;
	struct page *page;
	struct origin_rules *rules;
	struct access *access; /* NULL: no access log */
	bool timed;	       /* how long answers take is counted, for the metrics */

	/* Set for each turn and connection. */
	uint64_t turn_us; /* when it began, by clock_us(); 0 if nobody wants to know */
	struct narwhal_bytes stamp;
	bool closing; /* every answer says Connection: close */
	int fd;	      /* the client's socket; borrowed */

	/* The request in hand, and all that goes out as one write. */
	struct call *call;
	struct outgoing outgoing;
	struct call *kept;	      /* what was the call, and is the connection's from now on */
	struct call_links all_kept;   /* the ends of the list */
	const struct call *beginning; /* the app looks at its head, and may have it kept */
	const struct call *handling;  /* the app answers it, and may have it kept */
	unsigned status;	      /* of the last refusal, */
	const char *reason;	      /* and why */
	struct origin_label label;    /* of the last that was refused or has failed */
	int failure;	   /* of the last response: not 0, -errno: the client got a 500 */
	uint64_t began_ms; /* when the app got the last request; as clock_tick_ms() */
};

enum exchange_outcome {
	EXCHANGE_INCOMPLETE, /* more bytes are needed */
	EXCHANGE_ANSWERED,   /* and the connection goes on */
	EXCHANGE_KEPT,	     /* the app has it: exchange->kept, or what was that */
	EXCHANGE_LAST,	     /* answered; nothing can follow */
	EXCHANGE_EARLY,	     /* the same, and its body has not been read */
	EXCHANGE_REFUSED,    /* the same, and the log should say why: status, reason */
};

/* `limits`, `app`, `page` and `rules` are set. 0 or -ENOMEM. */
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
/*
 * The same for a kept call that takes its body as it comes: the window begins with the body's next
 * byte, and all of it that is the body's is taken.
 */
enum exchange_outcome exchange_feed(struct exchange *exchange, struct call *call,
	const struct window *window, size_t *taken);
/* Writes the response of a kept call, if it is ready. */
enum exchange_outcome exchange_conclude(struct exchange *exchange, struct call *call);
/* Whether the answers so far must be written before there can be another one. */
PURE bool exchange_is_full(const struct exchange *exchange);
/* Answers with an error instead: EXCHANGE_REFUSED. */
enum exchange_outcome exchange_refuse(struct exchange *exchange, struct call *call, unsigned status,
	const char *reason);
/* How many bytes of its body are known to be missing; 0 when that is unknown. */
PURE uint64_t pending_missing(const struct pending *pending);
/* Whether some are, and nobody wants them: whoever throws them away counts them. May be NULL. */
PURE bool pending_discards(const struct pending *pending);
void pending_skip(struct pending *pending, uint64_t size);

#endif
