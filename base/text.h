/*
 * text.h - small bounded text: writing into bytes that the caller owns, and reading numbers back.
 *
 * A struct text never allocates and never writes past its end: what does not fit is left out and
 * remembered in `cut`. The bytes are always NUL-terminated.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct text {
	char *bytes;
	size_t size; /* of the memory, the NUL included */
	size_t used; /* without the NUL */
	bool cut;
};

/* A text over `array`, which must be an array and not a pointer. */
#define TEXT_OVER(array) \
	((struct text){.bytes = ((array)[0] = '\0', (array)), .size = sizeof(array)})

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_add_char(struct text *text, char c);
void text_add_uint(struct text *text, uint64_t value);
void text_add_int(struct text *text, int64_t value);
/* Decimal, with zeros in front up to `digits`. */
void text_add_padded(struct text *text, uint64_t value, unsigned digits);
/* Printable ASCII as it is; the rest, quotes and backslashes as \xNN, \" and \\ (JSON: \u00NN). */
void text_add_escaped(struct text *text, const char *bytes, size_t size, bool json);
void text_printf(struct text *text, const char *format, ...) PRINTF(2, 3);

/*
 * Reads a decimal number that fills `size` bytes: digits alone, no sign, no space.
 * Returns 0, -EINVAL (not a number) or -ERANGE (above `max`).
 */
MUST_USE int text_to_uint(const char *bytes, size_t size, uint64_t max, uint64_t *value);

/* Whether it is a token (RFC 9110 section 5.6.2), as the names of fields are. */
bool text_is_token(const char *bytes, size_t size) PURE;

/* Whether two names begin with the same `size` bytes, `-` and `_` being one, and no NUL. */
bool text_is_same_name(const char *a, const char *b, size_t size) PURE;

/* A name like another: edits (insert, delete, replace, swap) between two strings, at most `limit`.
 */
unsigned text_distance(const char *a, const char *b, unsigned limit);

#endif
