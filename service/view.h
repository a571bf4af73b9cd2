/*
 * view.h - the request as a module sees it: behind narwhal_request_*() of the public header.
 *
 * Borrows everything, and lives only as long as the app's handle() runs.
 */
#ifndef SERVICE_VIEW_H
#define SERVICE_VIEW_H

#include "base/text.h"
#include "service/app.h"
#include "service/peer.h"
#include "service/request.h"

struct narwhal_request {
	const struct request *head;
	const char *bytes; /* that the head's offsets count from */
	struct narwhal_bytes body;
	const struct peer *peer;
	uint64_t now_ms;	/* when the app gets it; as clock_tick_ms() */
	struct text *peer_text; /* empty until somebody asks; set by view_handle() */
};

/* Lets the app answer. */
void view_handle(const struct app *app, struct narwhal_request *view,
	struct narwhal_response *response);

/* The time of the request, for apps that are built in: asking the clock again would cost more. */
PURE uint64_t view_now_ms(const struct narwhal_request *request);

#endif
