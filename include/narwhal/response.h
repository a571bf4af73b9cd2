/* narwhal/response.h - what the client gets. A part of narwhal/service.h. */
#ifndef NARWHAL_RESPONSE_H
#define NARWHAL_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct narwhal_response;

/*
 * The response. Narwhal adds Date, Content-Length, Connection and Server; it leaves the body out
 * where there must be none (HEAD, 204, 205, 304). Each function returns 0 or a negative errno
 * value, -EINVAL for what would be no valid HTTP, -ENOMEM; then the client gets a 500 instead.
 */

/* 200 to 599; 200 if never called. */
int narwhal_response_status(struct narwhal_response *response, unsigned status);
/* Adds a field line. Refused: Connection, Content-Length, Date, Transfer-Encoding and the like. */
int narwhal_response_field(struct narwhal_response *response, const char *name, const char *value);
/* Adds to the body; `data` is copied. */
int narwhal_response_body(struct narwhal_response *response, const void *data, size_t size);

/*
 * A body that comes piece by piece. The source is asked for the next piece when the client has room
 * for it, so a slow client costs no more memory than one piece: 16 to 64 KiB are a good size.
 */
struct narwhal_stream;

enum narwhal_outcome {
	NARWHAL_MORE,	/* ask again */
	NARWHAL_WAIT,	/* nothing now: ask again after narwhal_stream_resume() */
	NARWHAL_DONE,	/* that was the last */
	NARWHAL_FAILED, /* cut the connection, so that the client sees that the body is not whole */
};

struct narwhal_source {
	/* Adds the next piece with narwhal_stream_write(). */
	enum narwhal_outcome (*pull)(void *state, struct narwhal_stream *stream);
	/* Called once, and last: after the last piece, or when the client is gone. May be NULL. */
	void (*end)(void *state);
};

#define NARWHAL_UNKNOWN UINT64_MAX

/*
 * The body is what the source gives: `size` bytes, or NARWHAL_UNKNOWN; the latter goes out chunked,
 * and to an HTTP/1.0 client up to the end of the connection. `source` is borrowed until end().
 * Where no body is sent the source is not asked, and ended.
 */
int narwhal_response_stream(struct narwhal_response *response, uint64_t size,
	const struct narwhal_source *source, void *state);
/* From pull() alone; `data` is copied. -EMSGSIZE above the announced size, and then the body fails.
 */
int narwhal_stream_write(struct narwhal_stream *stream, const void *data, size_t size);
/*
 * From pull() alone: a field line behind the body. Sent only where the body goes out chunked, and a
 * client need not look at it. Refused: what belongs into a head (RFC 9110 section 6.5.1).
 */
int narwhal_stream_trailer(struct narwhal_stream *stream, const char *name, const char *value);
/* After NARWHAL_WAIT, any time from pull() to end(): the source has more, or its end. */
void narwhal_stream_resume(struct narwhal_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
