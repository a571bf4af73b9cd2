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
 *	begin        for each request with a body, when its head is there
 *	handle       for each request, when its head and its whole body are there
 *	worker_exit  once, when the worker leaves in good order (not when it is killed)
 * With the setting preload_app, load is called once for all workers; see fork_prepare.
 *
 * handle() should not wait: while it runs, the worker's other connections stand still, and after
 * the setting `timeout` the worker is aborted.
 */
#ifndef NARWHAL_SERVICE_H
#define NARWHAL_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include <narwhal/host.h>
#include <narwhal/request.h>
#include <narwhal/response.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when an old module would no longer work; new functions alone do not change it. */
#define NARWHAL_ABI 1u

struct narwhal_module {
	uint32_t abi;	  /* NARWHAL_ABI */
	uint32_t size;	  /* sizeof(struct narwhal_module) */
	const char *name; /* for log lines */

	/* Any of these but handle may be NULL. Not 0 means: cannot serve; the worker gives up. */
	int (*load)(struct narwhal_host *host, void **state);
	int (*worker_init)(void *state);
	/*
	 * Optional; for a request with a body, when its head is there. NARWHAL_MORE: the body is
	 * collected for handle(), unless narwhal_request_receive() was called. NARWHAL_DONE: the
	 * response is complete, the body is not read, and the connection ends. Else: a 500.
	 */
	enum narwhal_outcome (*begin)(void *state, struct narwhal_request *request,
		struct narwhal_response *response);
	void (*handle)(void *state, const struct narwhal_request *request,
		struct narwhal_response *response);
	void (*worker_exit)(void *state);

	/*
	 * Optional: system calls that the module makes beside those of every module, once workers
	 * are locked in (after worker_init), with commas between: "socket,connect". They are
	 * allowed, and named in the log; docs/SANDBOX.md has the whole list. A module that was
	 * built before there were this member and those behind it has a smaller `size`.
	 */
	const char *calls;
	/*
	 * Optional, as lists like that: what it opens by then, files and all below directories; and
	 * the TCP ports that it connects to, or "*". The system's Landlock keeps all else from it.
	 */
	const char *read_paths;
	const char *write_paths;
	const char *connect_ports;
	/*
	 * Optional, with preload_app: load() is called in a process that serves nobody, and forks
	 * the workers. fork_prepare is called there before each fork and fork_parent behind it,
	 * whether there is a child or not; fork_child in the worker, before worker_init.
	 */
	void (*fork_prepare)(void *state);
	void (*fork_parent)(void *state);
	void (*fork_child)(void *state);
};

/* The one symbol that a module exports. */
extern const struct narwhal_module narwhal_module;

#ifdef __cplusplus
}
#endif

#endif
