/*
 * signal_name.h - signals by the names and numbers that people write. Pure.
 */
#ifndef INIT_SIGNAL_NAME_H
#define INIT_SIGNAL_NAME_H

#include <stddef.h>

#include "base/attr.h"
#include "base/text.h"

#define SIGNAL_NUMBERS 65 /* 1 to 64, of which glibc keeps 32 and 33 for itself */

/* TERM, SIGTERM, term, 15, RTMIN, RTMIN+3, RTMAX-1: all of `size` bytes. 0 or -EINVAL. */
MUST_USE int signal_name_read(const char *bytes, size_t size, int *number);

/* TERM, RTMIN+3, or the bare number of what has no name. */
void signal_name_add(int number, struct text *text);

#endif
