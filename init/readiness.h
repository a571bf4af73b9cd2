/*
 * readiness.h - the file of the setting `when_ready`: it is there only while the service is ready.
 *
 *	pid=1
 *	generation=1
 *	time=2026-11-20T11:50:00.123Z
 *
 * A reader sees all of it or none: it is made under another name (the path with ".narwhal-new"
 * behind it) and renamed. When the service is ready is the arbiter's to say, not decided here.
 */
#ifndef INIT_READINESS_H
#define INIT_READINESS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"

struct readiness {
	pid_t pid;
	uint64_t generation;
	int64_t wall_ms; /* since 1970 */
};

/*
 * At start: removes a stale file, and proves that a new one could be made. 0, or -errno with
 * `why`. A file that is no readiness file (other text, a directory) is left alone: -EEXIST.
 */
MUST_USE int readiness_begin(const char *path, struct text *why);

/* Makes the file, or replaces it. 0, or -errno with `why` and nothing new left behind. */
MUST_USE int readiness_set(const char *path, const struct readiness *readiness, struct text *why);

/* Removes the file. 0, also when there is none, or -errno with `why`. */
MUST_USE int readiness_clear(const char *path, struct text *why);

/* The sentence for what one of these two gave. */
void readiness_refuse(const char *path, int error, struct text *why);

/*
 * For `narwhal ready`: 0 when the file is there, well-formed, and its pid lives; else -ENOENT,
 * -EBADMSG, -ESRCH or another -errno, and `why` is a line like "not ready: FILE does not exist".
 */
MUST_USE int readiness_check(const char *path, struct text *why);

#endif
