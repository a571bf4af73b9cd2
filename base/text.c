#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
	size_t room = text->size - text->used - 1;

	if (size > room) {
		size = room;
		text->cut = true;
	}
	if (size == 0)
		return; /* nothing may be NULL, and memcpy(3) takes no NULL */
	memcpy(text->bytes + text->used, bytes, size);
	text->used += size;
	text->bytes[text->used] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_char(struct text *text, char c)
{
	text_add_bytes(text, &c, 1);
}

void text_add_padded(struct text *text, uint64_t value, unsigned digits)
{
	char bytes[20]; /* UINT64_MAX */
	size_t at = sizeof(bytes);

	do {
		bytes[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	while (sizeof(bytes) - at < digits && at > 0)
		bytes[--at] = '0';
	text_add_bytes(text, bytes + at, sizeof(bytes) - at);
}

void text_add_uint(struct text *text, uint64_t value)
{
	text_add_padded(text, value, 1);
}

void text_add_int(struct text *text, int64_t value)
{
	if (value < 0)
		text_add_char(text, '-');
	text_add_uint(text, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void text_add_escaped(struct text *text, const char *bytes, size_t size, bool json)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '"' || c == '\\') {
			text_add_char(text, '\\');
			text_add_char(text, (char)c);
		} else if (c >= 0x20 && c < 0x7f) {
			text_add_char(text, (char)c);
		} else {
			text_add(text, json ? "\\u00" : "\\x");
			text_add_char(text, hex[c >> 4]);
			text_add_char(text, hex[c & 15]);
		}
	}
}

void text_printf(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->used;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text->bytes + text->used, room, format, arguments);
	va_end(arguments);
	if (n < 0) {
		text->bytes[text->used] = '\0';
		text->cut = true;
	} else if ((size_t)n >= room) {
		text->used = text->size - 1;
		text->cut = true;
	} else {
		text->used += (size_t)n;
	}
}

int text_to_uint(const char *bytes, size_t size, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;

	if (size == 0)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] < '0' || bytes[i] > '9')
			return -EINVAL;
	}
	for (size_t i = 0; i < size; i++) {
		uint64_t digit = (uint64_t)(bytes[i] - '0');

		if (sum > (max - digit) / 10 || digit > max)
			return -ERANGE;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return 0;
}

bool text_is_token(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char letter = (char)(bytes[i] | 0x20);

		if ((letter < 'a' || letter > 'z') && (bytes[i] < '0' || bytes[i] > '9') &&
			(bytes[i] == '\0' || strchr("!#$%&'*+-.^_`|~", bytes[i]) == NULL))
			return false;
	}
	return size > 0;
}

#define NAME_MAX_LENGTH 63

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

bool text_is_same_name(const char *a, const char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((a[i] == '_' ? '-' : a[i]) != (b[i] == '_' ? '-' : b[i]))
			return false;
		if (a[i] == '\0')
			return false;
	}
	return true;
}

/* Optimal string alignment: Levenshtein's distance, a swap of neighbours counting once. */
unsigned text_distance(const char *a, const char *b, unsigned limit)
{
	unsigned rows[3][NAME_MAX_LENGTH + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];
	size_t m = strlen(a), n = strlen(b);

	if (m > NAME_MAX_LENGTH || n > NAME_MAX_LENGTH)
		return limit;
	for (unsigned j = 0; j <= n; j++)
		above[j] = j;
	for (size_t i = 1; i <= m; i++) {
		unsigned *next = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = next;
	}
	return least(above[n], limit);
}
