/*
 * poor.c - no service, but for LD_PRELOAD: memory of one size, that of $POOR bytes, is never there.
 * Buffers grow by doubling, so that a size tells one buffer from another.
 */
#include <errno.h>
#include <stdlib.h>

void *__libc_realloc(void *memory, size_t size);

void *realloc(void *memory, size_t size)
{
	const char *poor = getenv("POOR");

	if (poor != NULL && size == strtoul(poor, NULL, 10)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(memory, size);
}
