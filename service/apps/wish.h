/*
 * wish.h - what a request for a file says about how it would have it: one pass over its fields.
 */
#ifndef SERVICE_APPS_WISH_H
#define SERVICE_APPS_WISH_H

#include <stdbool.h>

#include "narwhal/service.h"
#include "service/apps/conditional.h"
#include "service/apps/encoding.h"
#include "service/apps/form.h"

struct wish {
	struct encoding_wish encoding;
	struct narwhal_bytes range; /* size 0: none that counts (RFC 9110 section 14.2) */
	bool has_conditions;	    /* there is at least one field of If-... */
};

void wish_read(struct wish *wish, const struct narwhal_request *request);
/* Of the conditions in the request, for that form; `wish` loses a range that If-Range forbids. */
enum conditional_outcome wish_weigh(struct wish *wish, const struct narwhal_request *request,
	const struct form *form);

#endif
