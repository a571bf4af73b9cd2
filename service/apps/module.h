/* module.h - opens a service that was written in C against include/narwhal/service.h. */
#ifndef SERVICE_APPS_MODULE_H
#define SERVICE_APPS_MODULE_H

#include "base/attr.h"
#include "base/text.h"
#include "narwhal/service.h"

/* What a module declares that it needs when it is locked in: LISTs, or NULL; see narwhal/service.h.
 */
struct module_needs {
	const char *calls;
	const char *read_paths;
	const char *write_paths;
	const char *run_paths; /* of an app in another language alone */
	const char *connect_ports;
};

/* What it does around the fork of a worker: no member is NULL. */
struct module_forks {
	void (*prepare)(void *state);
	void (*parent)(void *state);
	void (*child)(void *state);
};

/* Stays open as long as the process. 0, or -errno with `why`. */
MUST_USE int module_open(const char *path, const struct narwhal_module **module, struct text *why);
struct module_needs module_needs(const struct narwhal_module *module) PURE;
struct module_forks module_forks(const struct narwhal_module *module) PURE;

#endif
