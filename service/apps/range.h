/*
 * range.h - which bytes of a file a Range field asks for (RFC 9110 section 14). Pure.
 *
 * Strict: a field that is not quite one is none, and the whole file is sent. Ranges that overlap
 * or touch become one, in the place of the first of them; whoever asks for more than RANGE_MAX
 * gets the whole file (section 14.2 leaves both to us), so that no request makes a large answer
 * out of a small file, nor much work.
 */
#ifndef SERVICE_APPS_RANGE_H
#define SERVICE_APPS_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define RANGE_MAX 16

enum range_outcome {
	RANGE_WHOLE,	     /* 200: not asked for bytes, or not well */
	RANGE_PARTS,	     /* 206 */
	RANGE_UNSATISFIABLE, /* 416 */
};

struct range {
	uint64_t first, last; /* both are sent */
};

struct ranges {
	size_t count; /* one to RANGE_MAX if there are parts */
	struct range parts[RANGE_MAX];
};

/* `value` is the field's; the file has `length` bytes. */
MUST_USE enum range_outcome range_read(struct ranges *ranges, const char *value, size_t size,
	uint64_t length);

#endif
