/*
 * file.h - a file that several answers may send at once: an open one, or one whose bytes lie in
 * memory. Given back behind the last of them.
 *
 * Counted without atomics: files belong to the worker's one thread.
 */
#ifndef SERVICE_FILE_H
#define SERVICE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct file {
	int fd; /* owned; -1: it lies in memory */
	unsigned users;
	char *bytes;	   /* owned; all of it, or NULL */
	size_t size;	   /* of `bytes` */
	uint64_t *account; /* borrowed: what it is charged to; NULL: to none */
	uint64_t charge;
};

/* Takes *fd, also on failure. One user; NULL without memory. */
MUST_USE struct file *file_new(int *fd);
/* Takes *bytes, which malloc(3) gave, also on failure. One user; NULL without memory. */
MUST_USE struct file *file_in_memory(char **bytes, size_t size);
/* Counts so much in the account until the last user is gone, whoever that is; once. */
void file_charge(struct file *file, uint64_t *account, uint64_t charge);
/* One user more. */
struct file *file_hold(struct file *file);
/* One less, unless *file is NULL, which it is then. */
void file_release(struct file **file);
/* Copies out of it: how many bytes that were, 0 at its end, or -errno. */
MUST_USE ssize_t file_read(const struct file *file, char *to, size_t size, uint64_t at);

#endif
