/*
 * lineage.h - whose child a process is, as proc(5) says: up to an ancestor that somebody knows.
 *
 * Without a /proc, and of a process that is gone, nothing is known.
 */
#ifndef INIT_LINEAGE_H
#define INIT_LINEAGE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"

/* Out of the text of /proc/PID/stat: the parent's pid, or -EINVAL. Pure. */
MUST_USE pid_t lineage_parse(const char *bytes, size_t size);
/* The parent's pid; 0 for who has none, or -errno. */
MUST_USE pid_t lineage_parent(pid_t pid);

#endif
