/*
 * view.h - the request as a module sees it: behind narwhal_request_*() of the public header.
 *
 * A part of a call (call.h), which says how long what is borrowed here lives.
 */
#ifndef SERVICE_VIEW_H
#define SERVICE_VIEW_H

#include "base/text.h"
#include "narwhal/service.h"
#include "service/origin.h"
#include "service/peer.h"
#include "service/request.h"

struct narwhal_request {
	const struct request *head;
	const char *bytes; /* that the head's offsets count from */
	struct narwhal_bytes body;
	const struct peer *peer; /* who has sent it: a proxy, perhaps */
	struct origin *origin;
	uint64_t now_ms;	/* when the app gets it; as clock_tick_ms() */
	struct text *peer_text; /* empty until somebody asks */
	struct text *local_text;
};

/* The time of the request, for apps that are built in: asking the clock again would cost more. */
PURE uint64_t view_now_ms(const struct narwhal_request *request);

#endif
