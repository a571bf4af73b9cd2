/*
 * stream.h - a response's body that comes piece by piece: pulled from its source when the client
 * has room, and framed (RFC 9112 section 6). Behind narwhal_stream_*() of the public header.
 *
 * Knows no socket. delivery.c fills what goes out from it, and waits when the source waits.
 */
#ifndef SERVICE_STREAM_H
#define SERVICE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buffer.h"
#include "narwhal/service.h"
#include "service/file.h"

struct connection;
struct outgoing;

enum stream_framing {
	STREAM_SIZED,	/* Content-Length has told how much comes */
	STREAM_CHUNKED, /* of unknown size */
	STREAM_CLOSED,	/* the same to HTTP/1.0: the connection's end is the body's */
};

struct narwhal_stream {
	const struct narwhal_source *source;
	void *state;   /* the source's */
	uint64_t left; /* bytes that are still to come; NARWHAL_UNKNOWN */
	enum stream_framing framing;
	struct buffer trailers; /* "Name: value\r\n" each */
	struct outgoing *out;	/* while the source is asked */
	int error;		/* the first failure of a call, negative */
	bool told;		/* the source, that the client has ended its side */
	bool waiting;		/* the source has nothing now, and says when it has */
	/* Who is to be told that it goes on; NULL before the first wait. */
	struct connection *connection;
};

/* NULL without memory; the source has been ended then. */
MUST_USE struct narwhal_stream *stream_new(const struct narwhal_source *source, void *state,
	uint64_t size);
/* Ends the source and frees *stream, unless it is NULL, which it is then. */
void stream_end(struct narwhal_stream **stream);

/* Tells the source, if it wants to know, that the client has ended its side. */
void stream_tell_gone(struct narwhal_stream *stream);

enum stream_outcome {
	STREAM_MORE,   /* something may have been added; ask again when it is sent */
	STREAM_WAIT,   /* nothing until somebody calls narwhal_stream_resume() */
	STREAM_DONE,   /* what was added is the last; the stream was ended */
	STREAM_FAILED, /* the body cannot become whole */
};

/*
 * Asks the source of `outgoing` once, and adds what it brings behind the bytes that are there, of
 * which it may move those that are not sent.
 */
enum stream_outcome stream_fill(struct outgoing *outgoing);
/* A part of a file is what comes next; only once for each time the source is asked, and as the
 * last. Holds the file. 0 or -errno; -EINVAL where the size of the body is unknown. */
int stream_file(struct narwhal_stream *stream, struct file *file, uint64_t at, uint64_t size);

#endif
