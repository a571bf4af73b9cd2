/* narwhal/response.h - what the client gets. A part of narwhal/service.h. */
#ifndef NARWHAL_RESPONSE_H
#define NARWHAL_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#include <narwhal/request.h>

#ifdef __cplusplus
extern "C" {
#endif

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
 * The body is `size` bytes of a regular file from `offset`, sent without being read into memory
 * when they are many. Takes the descriptor, also when it fails.
 */
int narwhal_response_file(struct narwhal_response *response, int fd, uint64_t offset,
	uint64_t size);

/*
 * A body that comes piece by piece. The source is asked for the next piece when the client has room
 * for it, so a slow client costs no more memory than one piece: 16 to 64 KiB are a good size.
 */
struct narwhal_stream;

struct narwhal_source {
	/*
	 * Adds the next piece with narwhal_stream_write(). NARWHAL_WAIT: there is nothing before
	 * narwhal_stream_resume(). NARWHAL_FAILED: the connection is cut, so that the client sees
	 * that the body is not whole.
	 */
	enum narwhal_outcome (*pull)(void *state, struct narwhal_stream *stream);
	/* Called once, and last: after the last piece, or when the client is gone. May be NULL. */
	void (*end)(void *state);
	/*
	 * Called at most once, while the source has nothing: the client has ended its side, and is
	 * likely not to read any more; or it reads on, as HTTP allows. May be NULL.
	 */
	void (*gone)(void *state);
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

/*
 * An answer that comes later: from handle() or a receiver's done() alone. When that returns,
 * nothing is sent, and no time limit runs; the request and the response stay valid until
 * narwhal_response_finish(), but for bytes of the request that were asked for before.
 * `gone`, which may be NULL, is called at most once, when nobody may be there any more to read the
 * answer: the request must be finished all the same. 0; -ENOMEM: then answer now.
 */
int narwhal_response_defer(struct narwhal_response *response, void (*gone)(void *state),
	void *state);
/* The response is complete; request and response are invalid from now on. */
void narwhal_response_finish(struct narwhal_response *response);

#ifdef __cplusplus
}
#endif

#endif
