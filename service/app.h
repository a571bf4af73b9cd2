/*
 * app.h - the service that this worker runs, whatever it is made of: one vtable, one state.
 *
 * The app's name says its kind: a directory is served as files, a path to a file is a C module.
 */
#ifndef SERVICE_APP_H
#define SERVICE_APP_H

#include "base/attr.h"
#include "base/text.h"
#include "narwhal/service.h"
#include "seccomp/calls.h"
#include "service/apps/module.h"
#include "service/host.h"

struct app {
	const struct narwhal_module *module;
	void *state;
	enum calls_role role; /* what a strict sandbox is for this kind of app */
	struct module_needs needs;
	struct module_forks forks; /* around the fork of a worker by a zygote */
};

/* 0, or -errno with `why` naming the app, what is wrong and what is allowed. */
MUST_USE int app_load(struct app *app, const char *name, struct narwhal_host *host,
	struct text *why);
/* The module's own worker_init; errors as app_load(). */
MUST_USE int app_start(struct app *app, struct text *why);
/*
 * Before the worker is kept from all other files: the directory that is served, borrowed, or -1.
 * The app tells the host from then on when it would need another one.
 */
MUST_USE int app_confine(struct app *app, struct narwhal_host *host);
void app_stop(struct app *app);

#endif
