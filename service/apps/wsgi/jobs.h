/*
 * jobs.h - requests on their way through Python: in the worker's own thread with `threads` = 1,
 * else in those of a crew, while the loop goes on.
 *
 * Only the worker's thread touches a connection: what a thread has built becomes the response
 * there.
 */
#ifndef SERVICE_APPS_WSGI_JOBS_H
#define SERVICE_APPS_WSGI_JOBS_H

#include <stdbool.h>

#include "narwhal/service.h"
#include "service/apps/wsgi/crew.h"
#include "service/apps/wsgi/gateway.h"
#include "service/apps/wsgi/spool.h"
#include "service/host.h"

struct job;

struct jobs {
	struct gateway *gateway;
	struct narwhal_host *host;
	bool in_line; /* threads = 1 */
	struct crew crew;
	struct object **contexts; /* of each thread, the worker's first: the next request's */
	struct job *spare;
};

/* 0 or -ENOMEM. */
MUST_USE int jobs_init(struct jobs *jobs, struct gateway *gateway, struct narwhal_host *host);
/* The app is asked. Takes the body, if there is a large one. */
void jobs_call(struct jobs *jobs, const struct narwhal_request *request,
	struct narwhal_response *response, struct spool *body);
/* Waits a moment for those that are begun; whether all have ended. */
MUST_USE bool jobs_stop(struct jobs *jobs);
/* Behind the last one. */
void jobs_free(struct jobs *jobs);

#endif
