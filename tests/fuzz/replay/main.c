/* A fuzz target without libFuzzer: each file that is named is one input. For `make coverage`. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/lib/fuzz.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		static char bytes[1 << 16];
		FILE *file = fopen(argv[i], "re");
		size_t size;

		MUST(file != NULL);
		size = fread(bytes, 1, sizeof(bytes), file);
		MUST(size < sizeof(bytes) && !ferror(file));
		(void)fclose(file);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
	}
	return EXIT_SUCCESS;
}
