/*
 * quantity.h - sizes and durations as people write them. Pure; exact: no floating point.
 *
 * Readers take all of `size` bytes: 0; -EINVAL (not one), -ERANGE (above `most`) or, for a
 * duration, -EDOM (finer than a millisecond). Writers write what the readers read back.
 */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/* 512, 8k, 16m, 1g: bytes; the letters, of either case, are powers of 1024. */
MUST_USE int quantity_read_size(const char *bytes, size_t size, uint64_t most, uint64_t *value);
void quantity_add_size(uint64_t value, struct text *text);

/* 30, 0.5, 500ms, 30s, 2m, 1h: seconds unless it says otherwise; the value is in milliseconds. */
MUST_USE int quantity_read_duration(const char *bytes, size_t size, uint64_t most, uint64_t *value);
void quantity_add_duration(uint64_t value, struct text *text);

#endif
