/*
 * wsgi.h - Python apps by WSGI (PEP 3333): package.module:app, package.module:factory().
 *
 * A request reaches Python when its body is whole, and an answer is asked for as fast as its client
 * takes it: no client ever holds a thread. With `threads` = 1 the app is called in the worker's
 * thread; with more of them the loop goes on meanwhile.
 */
#ifndef SERVICE_APPS_WSGI_WSGI_H
#define SERVICE_APPS_WSGI_WSGI_H

#include <stdbool.h>

#include "base/text.h"
#include "service/apps/module.h"
#include "service/host.h"

extern const struct narwhal_module wsgi_module;

/* Whether it is the name of such an app, and not a path. */
bool wsgi_is_name(const char *name) PURE;
/* Finds Python and loads the app. 0, or -errno with `why`; the traceback is in the log. */
MUST_USE int wsgi_open(const char *name, struct narwhal_host *host, void **state, struct text *why);
/* In a worker, before it serves. Errors as wsgi_open(). */
MUST_USE int wsgi_start(void *state, struct text *why);
/* What a Python app is allowed when the worker is locked in; see docs/WSGI.md. */
struct module_needs wsgi_needs(const void *state);

#endif
