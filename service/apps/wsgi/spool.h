/*
 * spool.h - a large body on its way in: in memory up to a limit, and then in a file without a name.
 *
 * In the directory TMPDIR or /tmp, or where nothing can be written, in memory that is a file.
 */
#ifndef SERVICE_APPS_WSGI_SPOOL_H
#define SERVICE_APPS_WSGI_SPOOL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buffer.h"
#include "narwhal/request.h"

/* Up to here a body stays in memory. */
#define SPOOL_MEMORY ((size_t)1024 * 1024)

struct spool {
	struct buffer bytes;
	int fd; /* -1: in `bytes` */
	uint64_t size;
};

/* NULL without memory. */
MUST_USE struct spool *spool_new(void);
/* Gives all back, unless *spool is NULL, which it is then. */
void spool_free(struct spool **spool);
/* Adds behind what there is. 0 or -errno. */
MUST_USE int spool_add(struct spool *spool, struct narwhal_bytes piece);

#endif
