/*
 * forwarded_element.h - what one proxy says in Forwarded: the grammar of RFC 7239 section 4, and no
 * opinion on whether it is believed. Pure.
 */
#ifndef SERVICE_FORWARDED_ELEMENT_H
#define SERVICE_FORWARDED_ELEMENT_H

#include <stdbool.h>

#include "base/attr.h"
#include "narwhal/service.h"

/* One proxy's word; what it does not say is as in {0}. */
struct forwarded_element {
	struct narwhal_bytes node, host;
	const char *scheme; /* static */
};

/* Takes an element and the comma behind it off the front; `*seen` is 0 for an empty one. */
MUST_USE bool forwarded_element_take(struct narwhal_bytes *rest, struct forwarded_element *element,
	unsigned *seen);
/* "http" or "https"; NULL: neither. */
PURE const char *forwarded_scheme(struct narwhal_bytes value);

#endif
