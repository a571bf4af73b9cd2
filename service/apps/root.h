/*
 * root.h - opens files below one directory, and nothing outside of it.
 *
 * The kernel sees to it (RESOLVE_BENEATH of openat2(2), Linux 5.6): a symbolic link is followed as
 * long as it stays below. Where a container's seccomp profile has no openat2, none is followed.
 */
#ifndef SERVICE_APPS_ROOT_H
#define SERVICE_APPS_ROOT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/attr.h"

struct root {
	int fd;
	bool beneath; /* openat2(2) may be used here */
	dev_t device; /* of the directory itself */
	ino_t inode;
	bool *outgrown; /* set when the directory has become one that is kept from us; or NULL */
};

/* 0, or -errno with nothing left to close: no directory, or none that this user may search. */
MUST_USE int root_open(struct root *root, const char *directory);
/*
 * The descriptor of what `name`, a relative path without ".", ".." and empty segments, stands for;
 * whatever it is, it is open for reading, close-on-exec and non-blocking. Or -errno; -EXDEV for a
 * link that leads out.
 */
MUST_USE int root_file(const struct root *root, const char *name);
/* Of whatever root_file() would open, without opening it: a FIFO's writer notices that. */
MUST_USE int root_status(const struct root *root, const char *name, struct stat *status);
/*
 * Whether `directory` is another one by now, as when a symbolic link in it was moved on to a new
 * release; then that is the root. One that is not there, or not for us, is none.
 */
bool root_moved(struct root *root, const char *directory);
void root_close(struct root *root);

#endif
