#include "tests/fuzz/lib/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
uint64_t fuzz_seed(const uint8_t *data, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 0x100000001b3;
	return hash != 0 ? hash : 1;
}

/* xorshift64. */
uint64_t fuzz_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

char *fuzz_copy(const void *bytes, size_t size)
{
	char *copy = malloc(size);

	MUST(copy != NULL);
	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}
