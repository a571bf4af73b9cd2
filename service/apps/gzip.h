/*
 * gzip.h - makes gzip (RFC 1952) out of a file: at once for a small one, piece by piece for a
 * large one, so that other connections have their turns between.
 *
 * A stream costs 300 KiB while it lasts, and its reader may be slow: there is a most of them, and
 * whoever comes then gets the file as it is.
 */
#ifndef SERVICE_APPS_GZIP_H
#define SERVICE_APPS_GZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "service/file.h"
#include "service/response.h"

#define GZIP_STREAMS_MAX 16

/* -ENOMEM, or 0 with one user of *file; NULL when it would not become smaller. */
MUST_USE int gzip_bytes(const char *bytes, size_t size, int level, struct file **file);

struct gzip_job {
	struct file *file; /* to be read; held meanwhile */
	uint64_t size;
	int level;
	unsigned *running; /* counts the streams there are */
	/*
	 * Gets the whole result, if that is at most `kept_max` bytes; borrowed. `about` is freed
	 * at the end, whatever becomes of it; also when gzip_send() fails.
	 */
	size_t kept_max;
	void (*done)(void *about, struct file *result);
	void *about;
};

/* Makes it the response's body; what fails, the response remembers. */
void gzip_send(struct narwhal_response *response, const struct gzip_job *job);
/* The same for HEAD: says what gzip_send() would, and compresses nothing. */
void gzip_announce(struct narwhal_response *response);

#endif
