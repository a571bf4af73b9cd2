/*
 * encoding.h - which content coding a client gets: Accept-Encoding (RFC 9110 section 12.5.3). Pure.
 *
 * Give it every such field line of the request, then ask with what there is. An element that is
 * malformed counts as not there; of two for one coding the first counts.
 */
#ifndef SERVICE_APPS_ENCODING_H
#define SERVICE_APPS_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum encoding {
#define ENCODING(name, suffix) ENCODING_##name,
#include "service/apps/encodings.def"
#undef ENCODING
	ENCODING_identity, /* as it is */
	ENCODINGS,
};

/* What the client has said; {0} before the first line. */
struct encoding_wish {
	bool given;
	uint16_t quality[ENCODINGS]; /* as weight_read() */
	uint16_t others;	     /* "*" */
};

/* A value of Accept-Encoding. */
void encoding_add(struct encoding_wish *wish, const char *value, size_t size);
/*
 * The best of the codings `there`, a bit (1 << enum encoding) each, or ENCODINGS when the client
 * refuses them all. Without a wish that is identity: a client that says nothing may know nothing.
 */
enum encoding encoding_choose(const struct encoding_wish *wish, unsigned there) PURE;

/* As in Content-Encoding and in a file's name; NULL for identity. */
const char *encoding_name(enum encoding encoding) PURE;
const char *encoding_suffix(enum encoding encoding) PURE;

#endif
