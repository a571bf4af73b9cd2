#include "base/buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_LEAST 512

static int resize(struct buffer *buffer, size_t size)
{
	char *bytes = realloc(buffer->bytes, size);

	if (bytes == NULL)
		return -ENOMEM;
	buffer->bytes = bytes;
	buffer->size = size;
	return 0;
}

int buffer_grow(struct buffer *buffer, size_t more)
{
	size_t size = buffer->size != 0 ? buffer->size : BUFFER_LEAST;

	if (more > SIZE_MAX / 2 - buffer->used)
		return -ENOMEM;
	while (size - buffer->used < more)
		size *= 2;
	return resize(buffer, size);
}

int buffer_reserve_exactly(struct buffer *buffer, size_t more)
{
	if (more <= buffer->size - buffer->used)
		return 0;
	if (more > SIZE_MAX / 2 - buffer->used)
		return -ENOMEM;
	return resize(buffer, buffer->used + more);
}

void buffer_consume(struct buffer *buffer, size_t size)
{
	MUST(size <= buffer->used);
	buffer->used -= size;
	if (buffer->used != 0 && size != 0)
		memmove(buffer->bytes, buffer->bytes + size, buffer->used);
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}
