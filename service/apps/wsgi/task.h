/*
 * task.h - one request in Python's hands: the app is called, its answer becomes a response, and
 * what it yields later a stream's pieces.
 *
 * What is named here runs with the interpreter's lock held, in the worker's thread or another: it
 * builds a response, and touches no connection. An error of the app's is logged with its
 * traceback, and the response becomes a 500, or fails when it is on its way.
 */
#ifndef SERVICE_APPS_WSGI_TASK_H
#define SERVICE_APPS_WSGI_TASK_H

#include <stdbool.h>

#include "narwhal/service.h"
#include "service/apps/wsgi/gateway.h"
#include "service/apps/wsgi/spool.h"
#include "service/apps/wsgi/start_response.h"
#include "service/response.h"

enum task_work {
	TASK_CALL,  /* the app is called, up to the first piece of its answer */
	TASK_NEXT,  /* the next piece */
	TASK_CLOSE, /* nothing more is wanted */
};

struct task {
	struct gateway *gateway;
	const struct narwhal_request *request; /* of TASK_CALL; NULL behind it */
	struct narwhal_response *response;     /* the same; where the answer goes */
	const struct narwhal_source *source; /* to be asked for the pieces; its state is the task */
	struct spool *body;		     /* owned; or NULL: it is in the request */

	struct started started;
	struct callable *start, *write; /* of the next request again, if the app gives them back */
	struct object *context; /* contextvars: each request has its own, whoever comes between */
	struct object **spare_context; /* of the thread that does the work; in it NULL: none */
	struct object *exchange;       /* of the hooks; or NULL */
	uint64_t sent; /* of the body: handed out to the client, as hooks are told */
	struct object *iterable, *iterator;
	struct object *piece;	    /* fetched; NULL behind the last */
	struct narwhal_bytes bytes; /* of it: to be read without the lock */
	struct buffer written;	    /* by write(), and not yet handed out */
	bool fetched;		    /* and not yet handed out */
	bool streams;		    /* the source is the response's, which ends it */
	bool failed;
};

static inline const struct python *task_python(const struct task *task)
{
	return &task->gateway->interpreter.python;
}

/* Does it. */
void task_do(struct task *task, enum task_work work);

#endif
