/* gateway.h - the app that a worker has loaded, and what its requests share. */
#ifndef SERVICE_APPS_WSGI_GATEWAY_H
#define SERVICE_APPS_WSGI_GATEWAY_H

#include "base/settings.h"
#include "base/text.h"
#include "service/apps/wsgi/environ.h"
#include "service/apps/wsgi/hooks.h"
#include "service/host.h"

struct gateway {
	struct interpreter interpreter;
	struct environ environ;
	struct hooks hooks;
	struct object *application;
	struct object *list_type, *tuple_type;
};

/*
 * Finds Python and loads the app; the interpreter's lock is held behind it. 0, or -errno with
 * `why`: what Python says in one line; its traceback is in the log.
 */
MUST_USE int gateway_open(struct gateway *gateway, const char *name, struct narwhal_host *host,
	struct text *why);

#endif
