/*
 * buffer.h - growable bytes on the heap, for workers: PID 1 does not use it.
 *
 * An empty buffer ({0}) owns nothing. Growth doubles, so that adding is amortised constant.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>

#include "base/attr.h"

struct buffer {
	char *bytes;
	size_t used;
	size_t size;
};

/* Makes room for `more` bytes behind `used`. Returns 0 or -ENOMEM, the buffer unchanged. */
MUST_USE int buffer_reserve(struct buffer *buffer, size_t more);
/* The same for what is known to come: no larger than that. */
MUST_USE int buffer_reserve_exactly(struct buffer *buffer, size_t more);
MUST_USE int buffer_add(struct buffer *buffer, const void *bytes, size_t size);
/* Forgets the first `size` bytes. */
void buffer_consume(struct buffer *buffer, size_t size);
/* Gives the memory back. */
void buffer_free(struct buffer *buffer);

#endif
