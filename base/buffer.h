/*
 * buffer.h - growable bytes on the heap, for workers: PID 1 does not use it.
 *
 * An empty buffer ({0}) owns nothing. Growth doubles, so that adding is amortised constant.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <string.h>

#include "base/attr.h"

struct buffer {
	char *bytes;
	size_t used;
	size_t size;
};

/* For buffer_reserve(), when the room is too small. */
MUST_USE int buffer_grow(struct buffer *buffer, size_t more);

/* Makes room for `more` bytes behind `used`. Returns 0 or -ENOMEM, the buffer unchanged. */
MUST_USE static inline int buffer_reserve(struct buffer *buffer, size_t more)
{
	return LIKELY(more <= buffer->size - buffer->used) ? 0 : buffer_grow(buffer, more);
}

/* The same for what is known to come: no larger than that. */
MUST_USE int buffer_reserve_exactly(struct buffer *buffer, size_t more);

MUST_USE static inline int buffer_add(struct buffer *buffer, const void *bytes, size_t size)
{
	int error = buffer_reserve(buffer, size);

	if (error != 0 || size == 0)
		return error;
	memcpy(buffer->bytes + buffer->used, bytes, size);
	buffer->used += size;
	return 0;
}

/* Forgets the first `size` bytes. */
void buffer_consume(struct buffer *buffer, size_t size);
/* Gives the memory back. */
void buffer_free(struct buffer *buffer);

#endif
