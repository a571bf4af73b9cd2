/*
 * hooks.h - the Python hooks of a gunicorn.conf.py that belong to workers (setting gunicorn_conf),
 * called at Gunicorn's moments.
 *
 * Settings are not taken from that file, and what Gunicorn's arbiter would call is not called.
 * Without the setting nothing of this is loaded, and a request costs one look at `requests`.
 * Everything here wants the interpreter's lock.
 */
#ifndef SERVICE_APPS_WSGI_HOOKS_H
#define SERVICE_APPS_WSGI_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "narwhal/response.h"
#include "service/apps/wsgi/interpreter.h"
#include "service/host.h"

struct hooks {
	struct interpreter *interpreter;
	struct narwhal_host *host;
	bool there;    /* the file was read */
	bool forked;   /* post_fork was called */
	bool requests; /* there is one of those that are called for each request */
	int signal_fd; /* Python's: it has taken a signal; -1: it takes none */
	struct narwhal_watch *watch;
#define SCRIPT(name) struct object *name;
#include "service/apps/wsgi/hooks.def"
#undef SCRIPT
};

/* Runs the file, if there is the setting. 0, or -errno with `why`; the traceback is in the log. */
MUST_USE int hooks_load(struct hooks *hooks, struct interpreter *interpreter,
	struct narwhal_host *host, struct text *why);
/* In a worker, before it loads the app; or behind its fork by a zygote. Errors as hooks_load(). */
MUST_USE int hooks_fork(struct hooks *hooks, struct text *why);
/* The app is there, and may become another. Errors as hooks_load(). */
MUST_USE int hooks_start(struct hooks *hooks, struct object **application, struct text *why);
/* The worker leaves. */
void hooks_leave(struct hooks *hooks);

/*
 * Begins an exchange, which is owned by the request: it goes with hooks_complete(), also when this
 * fails. NULL without such hooks. 0, or -1 with an error set: the app is not to be called.
 */
MUST_USE int hooks_begin(const struct hooks *hooks, struct object *environ,
	struct object **exchange);
/* The response's head is known. How much of its body has been given with it. */
MUST_USE uint64_t hooks_answer(const struct hooks *hooks, struct object *exchange,
	const struct narwhal_response *response);
/* Behind the app's last work for the request; gives the exchange back. */
void hooks_complete(const struct hooks *hooks, struct object **exchange, uint64_t sent);

#endif
