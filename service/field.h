/*
 * field.h - field lines (RFC 9112 section 5), of a head and of a trailer section alike.
 *
 * Incremental at any split, and nothing is kept but counters: the bytes of a line need not stay
 * where they were, nor stay at all. What is checked here is syntax; what a field means is not.
 */
#ifndef SERVICE_FIELD_H
#define SERVICE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "narwhal/service.h"

enum field_phase {
	FIELD_START,
	FIELD_NAME,
	FIELD_BLANK,
	FIELD_VALUE,
	FIELD_LF,
	FIELD_LAST_LF,
};

/* One line; {0} before its first byte. Offsets count from there. */
struct field_line {
	enum field_phase phase;
	bool underscore; /* in the name */
	uint32_t size;	 /* so far, without CRLF */
	uint32_t name_size;
	uint32_t value_at; /* up to `size` it is the value, blanks at its end included */
	size_t taken;	   /* bytes that the last call used up */
	const char *reason;
};

enum field_outcome {
	FIELD_MORE,    /* all bytes are used up and the line is not complete */
	FIELD_LINE,    /* a line */
	FIELD_END,     /* the empty line behind the last */
	FIELD_LONG,    /* more than `limit` bytes without CRLF */
	FIELD_REFUSED, /* no field line; `reason` says why */
};

/*
 * Reads on: `bytes` are those behind what earlier calls used up. Bytes are judged from left to
 * right, so the outcome does not depend on how they were cut into calls.
 */
enum field_outcome field_scan(struct field_line *line, size_t limit, const char *bytes,
	size_t size);

/* Whether a trailer section must not have a field of that name. */
bool field_untrailed(const char *name, size_t size) PURE;
#define FIELD_UNTRAILED_SIZE 24 /* no such name is as long as that */

/*
 * The next element of a comma-separated list of tokens, without blanks around it; `list` keeps
 * what is behind it. Empty elements are skipped (RFC 9110 section 5.6.1.2). False at the end.
 */
bool field_list_next(struct narwhal_bytes *list, struct narwhal_bytes *element);
/* Whether that is the name or token `lower`, which is in lower case, in any case. */
bool field_is(struct narwhal_bytes bytes, const char *lower) PURE;

#endif
