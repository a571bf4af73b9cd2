/*
 * context.h - contextvars: each request at work has a context of its own.
 *
 * It is used again by the next request of the same thread, as the thread's own would be: what apps
 * keep in it may be of no use in another. But an answer that comes in pieces takes its own along
 * until it ends, and nobody finds it then.
 */
#ifndef SERVICE_APPS_WSGI_CONTEXT_H
#define SERVICE_APPS_WSGI_CONTEXT_H

#include "service/apps/wsgi/python.h"

/* The thread's spare one, or a new one; NULL with an error set: the request has the thread's. */
void context_take(const struct python *python, struct object **context, struct object **spare);
/* Leaves it to the thread. */
void context_spare(struct object **context, struct object **spare);

#endif
