/*
 * listing.h - the page that lists a directory. Pure: what is in it, somebody else has looked up.
 */
#ifndef SERVICE_APPS_LISTING_H
#define SERVICE_APPS_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buffer.h"
#include "narwhal/service.h"

#define LISTING_MAX 4096

struct listing_row {
	char *name; /* owned; any bytes but "/" and NUL */
	bool is_directory;
	uint64_t size;
	int64_t modified;
};

struct listing {
	struct listing_row *rows;
	size_t count;
	bool cut; /* there was more */
};

/* 0 or -ENOMEM. What is one too many is left out. */
MUST_USE int listing_add(struct listing *listing, const char *name, const struct listing_row *row);
/*
 * Appends the page: directories first, then files, each in the order of their bytes. `path` is the
 * directory's below the root, "" or with a slash at its end. 0 or -ENOMEM.
 */
MUST_USE int listing_write(struct listing *listing, struct narwhal_bytes path, struct buffer *page);
void listing_free(struct listing *listing);

#endif
