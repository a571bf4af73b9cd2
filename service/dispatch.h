/*
 * dispatch.h - puts a response on its way out: the head, and the body from where it is cheapest.
 *
 * Small bodies and files are copied behind the head; large ones, and streams, go out from where
 * they are. Knows no socket.
 */
#ifndef SERVICE_DISPATCH_H
#define SERVICE_DISPATCH_H

#include "base/attr.h"
#include "service/outgoing.h"
#include "service/response.h"

/*
 * Appends; what it takes of the response's body, the response loses. -errno: nothing was appended,
 * and there may be another response instead. Else `*head_size` is how long the head is.
 */
MUST_USE int dispatch_response(struct narwhal_response *response,
	const struct response_frame *frame, struct outgoing *out, size_t *head_size);

#endif
