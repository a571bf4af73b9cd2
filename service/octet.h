/*
 * octet.h - which octet may stand where: one table for all grammars of RFC 9110, 9112 and 3986 that
 * the request parser, the field lines and the chunked coding are made of.
 *
 * It knows classes of single octets and runs of them, and nothing of what they mean together.
 */
#ifndef SERVICE_OCTET_H
#define SERVICE_OCTET_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

enum octet_class {
	OCTET_TOKEN = 1 << 0,  /* tchar (RFC 9110 section 5.6.2) */
	OCTET_NAME = 1 << 1,   /* tchar without "_" */
	OCTET_TEXT = 1 << 2,   /* HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5) */
	OCTET_BLANK = 1 << 3,  /* SP, HTAB */
	OCTET_TARGET = 1 << 4, /* VCHAR without "#" */
	OCTET_PATH = 1 << 5,   /* OCTET_TARGET without "?" */
	OCTET_HOST = 1 << 6,   /* unreserved, sub-delims (RFC 3986 section 2.2 and 2.3) */
	OCTET_DIGIT = 1 << 7,
};

extern const uint8_t octet_classes[256];

static inline bool octet_is(char octet, enum octet_class class)
{
	return (octet_classes[(unsigned char)octet] & class) != 0;
}

/* The first index from `at` whose octet is not of `class`, or `end`. */
static inline size_t octet_span(const char *bytes, size_t at, size_t end, enum octet_class class)
{
	for (; at + 4 <= end; at += 4) {
		if (!octet_is(bytes[at], class))
			return at;
		if (!octet_is(bytes[at + 1], class))
			return at + 1;
		if (!octet_is(bytes[at + 2], class))
			return at + 2;
		if (!octet_is(bytes[at + 3], class))
			return at + 3;
	}
	while (at < end && octet_is(bytes[at], class))
		at++;
	return at;
}

/*
 * Eight octets at once: not 0 if one of them is below SP, or DEL. Field values are the bulk of a
 * head, and in nearly all of them there is none before the CR.
 */
static inline uint64_t octet_controls(uint64_t eight)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t below_space = (eight - ones * 0x20) & ~eight;
	uint64_t without_del = eight ^ (ones * 0x7f);

	return (below_space | ((without_del - ones) & ~without_del)) & (ones * 0x80);
}

/* octet_span() of OCTET_TEXT. */
static inline size_t octet_span_text(const char *bytes, size_t at, size_t end)
{
	uint64_t eight, found = 0;

	for (; found == 0 && at + sizeof(eight) <= end; at += sizeof(eight)) {
		memcpy(&eight, bytes + at, sizeof(eight));
		found = octet_controls(le64toh(eight));
	}
	if (found != 0) /* the lowest is exact: what is borrowed goes upwards */
		at -= sizeof(eight) - (size_t)__builtin_ctzll(found) / 8;
	return octet_span(bytes, at, end, OCTET_TEXT);
}

/* Without the SP and HTAB at its end, `size` bytes are this many. */
static inline size_t octet_trim(const char *bytes, size_t size)
{
	while (size > 0 && octet_is(bytes[size - 1], OCTET_BLANK))
		size--;
	return size;
}

/* Whether two runs of `size` bytes are the same but for ASCII case: of most, each byte is. */
static inline bool octet_same(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];

		if (x != y && ((x ^ y) != 0x20 || (unsigned char)((x | 0x20) - 'a') > 'z' - 'a'))
			return false;
	}
	return true;
}

/* Eight octets with bit 5 set: letters in lower case, digits and "-" as they are. */
static inline uint64_t octet_lower_eight(const char *bytes)
{
	uint64_t eight;

	memcpy(&eight, bytes, sizeof(eight));
	return eight | UINT64_MAX / 255 * 0x20;
}

/*
 * octet_same() for a token and a name of a-z, 0-9 and "-" alone: no other tchar becomes one of
 * these by setting bit 5, so several can be compared at once.
 */
static inline bool octet_named(const char *token, const char *lower, size_t size)
{
	size_t at = 0;

	for (; at + 8 <= size; at += 8) {
		if (octet_lower_eight(token + at) != octet_lower_eight(lower + at))
			return false;
	}
	if (size >= 8)
		return octet_lower_eight(token + size - 8) == octet_lower_eight(lower + size - 8);
	while (at < size && (token[at] | 0x20) == lower[at])
		at++;
	return at == size;
}

/* The value of a hexadecimal digit, or -1. */
static inline int octet_hex(char octet)
{
	unsigned char letter = (unsigned char)octet | 0x20;

	if (octet_is(octet, OCTET_DIGIT))
		return octet - '0';
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

#endif
