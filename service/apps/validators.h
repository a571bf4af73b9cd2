/*
 * validators.h - one version of a file, and its validators as text (RFC 9110 section 8.8). Pure.
 */
#ifndef SERVICE_APPS_VALIDATORS_H
#define SERVICE_APPS_VALIDATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/clock.h"

/* What tells one version from another. */
struct version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed; /* no program can set that one back */
};

struct validators {
	/*
	 * The file was changed long enough ago for its times to stand for this version alone: a
	 * kernel's clock ticks, and two changes within a tick look like one.
	 */
	bool settled;
	int64_t modified; /* seconds, as `date` says */
	size_t etag_size;
	char etag[3 * 16 + sizeof("\"---gzip\"")];
	char date[CLOCK_HTTP_DATE_SIZE + 1];
};

void version_read(struct version *version, const struct stat *status);
PURE bool version_same(const struct version *a, const struct version *b);

/* `mark` stands at the end of the tag, for a representation that is made of the file; or "". */
void validators_write(struct validators *validators, const struct version *version,
	const char *mark, int64_t now_s);

#endif
