/* narwhal/host.h - the worker that a module is loaded into. A part of narwhal/service.h. */
#ifndef NARWHAL_HOST_H
#define NARWHAL_HOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Valid from load() to worker_exit(). */
struct narwhal_host;

enum narwhal_level {
	NARWHAL_DEBUG,
	NARWHAL_INFO,
	NARWHAL_WARNING,
	NARWHAL_ERROR,
};
/* One line in Narwhal's log, event "app". Keep the host that load() was given in your state. */
void narwhal_log(const struct narwhal_host *host, enum narwhal_level level, const char *message);

#ifdef __cplusplus
}
#endif

#endif
