/*
 * fuzz.h - what every fuzz target includes: the entry that libFuzzer calls, and helpers for it.
 *
 * A target states its properties with MUST(). It must behave the same each time it gets the same
 * bytes: what looks like chance (where to split, which limits) comes from fuzz_seed().
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Differs with each bit of the input; never 0. */
uint64_t fuzz_seed(const uint8_t *data, size_t size) PURE;
/* The next number of a sequence that begins with a seed. */
uint64_t fuzz_random(uint64_t *seed);

/*
 * A copy that ends where its memory ends, so that ASan sees each look too far, and that stands
 * elsewhere each time. The caller's to free().
 */
char *fuzz_copy(const void *bytes, size_t size);

#endif
