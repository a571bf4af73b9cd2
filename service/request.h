/*
 * request.h - the head of one HTTP/1.x request (RFC 9112): pure, incremental at any split, strict.
 *
 * Bytes are judged from left to right and a line as a whole when its LF is there, so the outcome of
 * a head is the same however it came in pieces, and what cannot become a request is refused at its
 * first wrong byte. Nothing is repaired: a head that two readers could read in two ways is refused.
 * Which methods, paths and fields there are is the app's to say, but for those in fields.def.
 */
#ifndef SERVICE_REQUEST_H
#define SERVICE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "service/field.h"

/* Sizes in bytes. `line` and `field_size` do not count CRLF; `head` counts everything. */
struct request_limits {
	size_t line;	   /* 414; at least REQUEST_LINE_MIN */
	size_t fields;	   /* 431 */
	size_t field_size; /* 431 */
	size_t head;	   /* 431; at most REQUEST_HEAD_MAX */
	uint64_t body;	   /* 413 */

	bool refuse_underscore; /* 400 for a field name with "_"; if not, the field is left out */
};

#define REQUEST_HEAD_MAX 65535	  /* offsets have 16 bits */
#define REQUEST_LINE_MIN 64	  /* a method of any size that is accepted fits */
#define REQUEST_METHOD_MAX 32	  /* 501 above (RFC 9112 section 3) */
#define REQUEST_EMPTY_LINES_MAX 4 /* before a request line (RFC 9112 section 2.2) */

/* Offsets count from the head's first byte, so that the bytes may move in memory. */
struct request_span {
	uint16_t at, size;
};

struct request_field {
	uint16_t name_at, name_size;
	uint16_t value_at, value_size;
};

enum request_phase {
	REQUEST_EMPTY_LINES,
	REQUEST_METHOD,
	REQUEST_TARGET,
	REQUEST_VERSION,
	REQUEST_FIELDS,
	REQUEST_END,
};

enum request_outcome {
	REQUEST_INCOMPLETE,
	REQUEST_COMPLETE,
	REQUEST_REFUSED, /* answer `status` and close: where the next request begins is unknown */
};

enum request_framing {
	REQUEST_BODY_NONE, /* also Content-Length: 0 */
	REQUEST_BODY_SIZED,
	REQUEST_BODY_CHUNKED,
};

struct request {
	/* After REQUEST_REFUSED. */
	const char *reason; /* static; for the error page and the log */
	unsigned status;

	/* After REQUEST_COMPLETE. */
	uint32_t head_size; /* the byte behind the head is the first of the body */
	struct request_span method, target;
	struct request_span path, query; /* path: "/" for an absolute target that has none */
	struct request_span host;	 /* with the port; size 0: none, in HTTP/1.0 alone */
	uint8_t minor;			 /* HTTP/1.0 or 1.1 */
	bool head; /* the method is HEAD: known even of a request that is refused behind it */
	bool keep_alive;
	bool expect_continue; /* the client waits for 100 (Continue) before it sends the body */
	enum request_framing framing;
	uint64_t content_length; /* of REQUEST_BODY_SIZED */
	uint16_t field_count;	 /* of `fields` */
	uint64_t name_sizes;	 /* of their names, modulo 64, a bit each: ends most searches */

	/* Where it stands between two calls. */
	enum request_phase phase;
	enum request_outcome outcome;
	uint32_t at;	   /* the first byte that was not yet used up */
	uint32_t line_at;  /* where its line begins */
	uint32_t query_at; /* behind the target's first "?", or 0 */
	uint32_t lines;	   /* empty lines first, then field lines */
	struct field_line line;

	/* What the request line said, and the fields (request_field.c). */
	bool absolute;	   /* the target has an authority, which wins over Host */
	bool wants_length; /* 411 without: POST and PUT of HTTP/1.0 */
	bool has_host, has_length, has_type, has_coding;
	bool chunked, other_coding;
	bool other_expectation;
	bool close, persist; /* the options of Connection */

	/* Field lines without those that have "_" in their name: they are left out. */
	struct request_field fields[];
};

/* The memory that a struct request takes under these limits, which are checked here and only here.
 */
size_t request_size(const struct request_limits *limits);
/* Makes it ready for the next head. */
void request_reset(struct request *request);
/*
 * `bytes` are all bytes from the head's first, as many as there are by now: each call goes on
 * where the last one stopped, and does not look at what comes behind the head.
 */
enum request_outcome request_parse(struct request *request, const struct request_limits *limits,
	const char *bytes, size_t size);

/* For request_field(). */
const struct request_field *request_field_find(const struct request *request, const char *bytes,
	const char *name, size_t size) PURE;

/* The first field of that name, in any case, or NULL. */
PURE static inline const struct request_field *request_field(const struct request *request,
	const char *bytes, const char *name, size_t size)
{
	if ((request->name_sizes >> size % 64 & 1) == 0)
		return NULL;
	return request_field_find(request, bytes, name, size);
}

/* request_field.c: what a field line means; NULL, or the reason to refuse it with 400. */
const char *request_field_read(struct request *request, const char *bytes,
	const struct request_field *field);
/* ... and what all of them together mean: 0, or a status and its reason. */
unsigned request_field_settle(struct request *request, const struct request_limits *limits,
	const char **reason);

#endif
