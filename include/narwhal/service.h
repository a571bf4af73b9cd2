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
