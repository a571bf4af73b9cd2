/*
 * narwhal/service.h - write an HTTP service in C, as a shared object that Narwhal's workers load.
 *
 *	#include <narwhal/service.h>
 *
 *	static void hello(void *state, const struct narwhal_request *request,
 *		struct narwhal_response *response)
 *	{
 *		narwhal_response_field(response, "Content-Type", "text/plain");
 *		narwhal_response_body(response, "Hello, World!\n", 14);
 *	}
 *
 *	const struct narwhal_module narwhal_module = {
 *		.abi = NARWHAL_ABI, .size = sizeof(struct narwhal_module),
 *		.name = "hello", .handle = hello,
 *	};
 *
 *	cc -shared -fPIC -o hello.so hello.c && narwhal --bind :8080 ./hello.so
 *
 * A worker is one process with one thread. It calls, in this order, with no privileges left:
 *	load         once; reads what the service needs, and keeps it in *state
 *	worker_init  once, before the worker says that it is ready
 *	handle       for each request, when its head and its whole body are there
 *	worker_exit  once, when the worker leaves in good order (not when it is killed)
 *
 * handle() should not wait: while it runs, the worker's other connections stand still, and after
 * the setting `timeout` the worker is aborted.
 */
#ifndef NARWHAL_SERVICE_H
#define NARWHAL_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when an old module would no longer work; new functions alone do not change it. */
#define NARWHAL_ABI 1u

/* Borrowed bytes, not NUL-terminated. */
struct narwhal_bytes {
	const char *data;
	size_t size;
};

struct narwhal_request;
struct narwhal_response;
/* The worker that loaded the module; valid from load() to worker_exit(). */
struct narwhal_host;

struct narwhal_module {
	uint32_t abi;	  /* NARWHAL_ABI */
	uint32_t size;	  /* sizeof(struct narwhal_module) */
	const char *name; /* for log lines */

	/* Any of these but handle may be NULL. Not 0 means: cannot serve; the worker gives up. */
	int (*load)(const struct narwhal_host *host, void **state);
	int (*worker_init)(void *state);
	void (*handle)(void *state, const struct narwhal_request *request,
		struct narwhal_response *response);
	void (*worker_exit)(void *state);
};

/* The one symbol that a module exports. */
extern const struct narwhal_module narwhal_module;

/*
 * The request. All bytes are borrowed and valid until handle() returns.
 * RFC 9110 and 9112 were enforced before: what is here is well-formed.
 */

/* As sent; case matters (RFC 9110 section 9.1). */
struct narwhal_bytes narwhal_request_method(const struct narwhal_request *request);
/* The request target as sent (RFC 9112 section 3.2). */
struct narwhal_bytes narwhal_request_target(const struct narwhal_request *request);
/* The target's path, still percent-encoded, and what stands behind its "?" (or nothing). */
struct narwhal_bytes narwhal_request_path(const struct narwhal_request *request);
struct narwhal_bytes narwhal_request_query(const struct narwhal_request *request);
/* The first field line of that name, whatever its case; data is NULL if there is none. */
struct narwhal_bytes narwhal_request_field(const struct narwhal_request *request, const char *name);
/* Every field line, in order: 1 and the line, or 0 when `index` is past the last. */
int narwhal_request_field_at(const struct narwhal_request *request, size_t index,
	struct narwhal_bytes *name, struct narwhal_bytes *value);
/* The body, transfer coding removed; size is 0 when there is none. */
struct narwhal_bytes narwhal_request_body(const struct narwhal_request *request);
/* The client's address: "192.0.2.1:4711", "[2001:db8::1]:4711" or "unix:". */
struct narwhal_bytes narwhal_request_peer(const struct narwhal_request *request);

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

enum narwhal_level {
	NARWHAL_DEBUG,
	NARWHAL_INFO,
	NARWHAL_WARNING,
	NARWHAL_ERROR,
};
/* One line in Narwhal's log, event "app". Keep the host that load() was given in your state. */
void narwhal_log(const struct narwhal_host *host, enum narwhal_level level, const char *message);

#ifdef __cplusplus
}
#endif

#endif
