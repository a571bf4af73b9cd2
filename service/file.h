/*
 * file.h - an open file that several answers may send at once: closed behind the last of them.
 *
 * Counted without atomics: files belong to the worker's one thread.
 */
#ifndef SERVICE_FILE_H
#define SERVICE_FILE_H

#include "base/attr.h"

struct file {
	int fd; /* owned */
	unsigned users;
};

/* Takes *fd, also on failure. One user; NULL without memory. */
MUST_USE struct file *file_new(int *fd);
/* One user more. */
struct file *file_hold(struct file *file);
/* One less, unless *file is NULL, which it is then. */
void file_release(struct file **file);

#endif
