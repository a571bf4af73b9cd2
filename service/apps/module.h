/* module.h - opens a service that was written in C against include/narwhal/service.h. */
#ifndef SERVICE_APPS_MODULE_H
#define SERVICE_APPS_MODULE_H

#include "base/attr.h"
#include "base/text.h"
#include "narwhal/service.h"

/* Stays open as long as the process. 0, or -errno with `why`. */
MUST_USE int module_open(const char *path, const struct narwhal_module **module, struct text *why);
/* The system calls that it asks for, or NULL. */
const char *module_calls(const struct narwhal_module *module) PURE;

#endif
