/*
 * memo.h - Python's text of bytes that come again and again: names of fields, methods, addresses.
 *
 * Clients choose the bytes, so it is of fixed size: what comes newly takes the place of another.
 */
#ifndef SERVICE_APPS_WSGI_MEMO_H
#define SERVICE_APPS_WSGI_MEMO_H

#include <stdint.h>

#include "base/attr.h"
#include "narwhal/request.h"
#include "service/apps/wsgi/python.h"

#define MEMO_SIZE 128
#define MEMO_BYTES 40 /* what is longer is made anew each time */

struct memo {
	const struct python *python;
	/* NULL with an error set. */
	struct object *(*make)(const struct python *python, struct narwhal_bytes bytes);
	struct memo_entry {
		struct object *text; /* NULL: none */
		uint8_t size;
		char bytes[MEMO_BYTES];
	} entry[MEMO_SIZE];
};

/* A reference of the caller's own; NULL with an error set. */
MUST_USE struct object *memo_get(struct memo *memo, struct narwhal_bytes bytes);

/* Two ways to make it: as it is, and as the key that PEP 3333 has for a field of that name. */
struct object *memo_text(const struct python *python, struct narwhal_bytes bytes);
struct object *memo_key(const struct python *python, struct narwhal_bytes bytes);

#endif
