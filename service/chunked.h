/*
 * chunked.h - takes the chunked transfer coding off a body (RFC 9112 section 7.1), in place.
 *
 * Pure, incremental at any split, strict. Chunk extensions and trailer fields are checked and
 * ignored; what comes behind the last trailer line is not looked at.
 */
#ifndef SERVICE_CHUNKED_H
#define SERVICE_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

#include "service/field.h"
#include "service/request.h"

/* All chunk extensions of a body together: nobody needs them, and they count towards no limit. */
#define CHUNKED_EXTENSIONS_MAX 4096

enum chunked_state {
	CHUNKED_REFUSE, /* 0: what chunked.def has no row for */
	CHUNKED_SIZE_FIRST,
	CHUNKED_SIZE,
	CHUNKED_BEFORE_EXT,
	CHUNKED_NAME_FIRST,
	CHUNKED_NAME,
	CHUNKED_AFTER_NAME,
	CHUNKED_VALUE_FIRST,
	CHUNKED_VALUE,
	CHUNKED_QUOTED,
	CHUNKED_PAIR,
	CHUNKED_AFTER_QUOTED,
	CHUNKED_SIZE_LF,
	CHUNKED_DATA,
	CHUNKED_DATA_CR,
	CHUNKED_DATA_LF,
	CHUNKED_TRAILER,
	CHUNKED_END,
	CHUNKED_STATES
};

enum chunked_outcome {
	CHUNKED_MORE,	 /* all bytes are used up and the body goes on */
	CHUNKED_DONE,	 /* the body is complete; `consumed` says where the next request begins */
	CHUNKED_REFUSED, /* answer `status` and close; `consumed` means nothing */
};

struct chunked {
	/* Of the last call. */
	size_t consumed; /* bytes of the coding that were used up */
	size_t produced; /* bytes of the body, at the front of what was passed */

	uint64_t total; /* bytes of the body so far */

	/* After CHUNKED_REFUSED. */
	const char *reason;
	unsigned status;

	/* Where it stands between two calls. */
	enum chunked_state state;
	uint64_t left; /* bytes of this chunk */
	uint32_t digits;
	uint32_t extensions;	/* bytes */
	uint32_t trailer_lines; /* and, with the one in `line`, their bytes */
	uint64_t trailer_size;
	struct field_line line;
	char name[FIELD_UNTRAILED_SIZE]; /* of that line, as far as it fits */
};

/* Makes it ready for a body. */
void chunked_reset(struct chunked *chunked);
/*
 * Decodes the `size` bytes that follow those of the last call. The body's bytes among them move to
 * the front; what lies between them and `consumed` is garbage then, and what is behind is not
 * touched. Nothing is kept back: with CHUNKED_MORE, `consumed` is `size`.
 */
enum chunked_outcome chunked_decode(struct chunked *chunked, const struct request_limits *limits,
	char *bytes, size_t size);

#endif
