#include "service/access_line.h"

#include <string.h>

#include "service/octet.h"

/* Where the next byte goes, and how much more than its least the unbounded atoms may take. */
struct pen {
	char *at;
	size_t room;
	bool json;
};

static char *put(char *at, const char *bytes, size_t size)
{
	return mempcpy(at, bytes, size);
}

/* With at least so many digits. */
static char *put_number(char *at, uint64_t value, unsigned digits)
{
	char bytes[20];
	size_t n = sizeof(bytes);

	do {
		bytes[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	while (sizeof(bytes) - n < digits)
		bytes[--n] = '0';
	return put(at, bytes + n, sizeof(bytes) - n);
}

static char *put_status(char *at, unsigned status)
{
	*at++ = (char)('0' + status / 100);
	*at++ = (char)('0' + status / 10 % 10);
	*at++ = (char)('0' + status % 10);
	return at;
}

/* Most are short: eight bytes at once are cheaper than a call, and both sides have slack. */
static char *put_literal(char *at, const struct access_part *part)
{
	if (part->size > ACCESS_SLACK)
		return put(at, part->text, part->size);
	memcpy(at, part->text, ACCESS_SLACK);
	return at + part->size;
}

/* Eight octets at once: whether all can be written as they are. */
static bool is_plain(uint64_t eight)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
	uint64_t found = octet_controls(eight) | eight | ((quote - ones) & ~quote) |
			 ((backslash - ones) & ~backslash);

	return (found & ones * 0x80) == 0;
}

/* One octet in as many bytes as it takes: \x22 in text, \" or \u0000 in JSON. */
static size_t escape(char octet, bool json, char bytes[6])
{
	const char *hex = json ? "0123456789abcdef" : "0123456789ABCDEF";
	unsigned char c = (unsigned char)octet;
	char *at = bytes;

	if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
		*at++ = octet;
	} else if (json && (c == '"' || c == '\\')) {
		*at++ = '\\';
		*at++ = octet;
	} else {
		at = json ? put(at, "\\u00", 4) : put(at, "\\x", 2);
		*at++ = hex[c >> 4u];
		*at++ = hex[c & 15u];
	}
	return (size_t)(at - bytes);
}

/* How many bytes from the first on can be written as they are; all, or a part of them. */
static size_t span_plain(const char *bytes, size_t size)
{
	uint64_t eight;
	size_t at = 0;

	for (; size - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, bytes + at, sizeof(eight));
		if (!is_plain(eight))
			return at;
	}
	if (size >= sizeof(eight)) {
		memcpy(&eight, bytes + size - sizeof(eight), sizeof(eight));
	} else {
		eight = UINT64_MAX / 255 * ' ';
		for (size_t i = 0; i < size; i++)
			eight = eight << 8 | (unsigned char)bytes[i];
	}
	return is_plain(eight) ? size : at;
}

/* At most `room` bytes; where that does not do, what fits and "...", which has its own room. */
static char *put_escaped(char *at, struct narwhal_bytes value, size_t room, bool json)
{
	const char *end = at + room;
	size_t i = span_plain(value.data, value.size);

	if (i > room)
		i = room;
	at = put(at, value.data, i);
	for (; i < value.size; i++) {
		char bytes[6];
		size_t size = escape(value.data[i], json, bytes);

		if (size > (size_t)(end - at))
			return put(at, "...", 3);
		at = put(at, bytes, size);
	}
	return at;
}

static void take_room(struct pen *pen, size_t size)
{
	pen->room -= size < pen->room ? size : pen->room; /* "..." has its own */
}

static char *put_none(char *at, bool json)
{
	if (json)
		return put(at, "null", 4);
	*at = '-';
	return at + 1;
}

static void put_value(struct pen *pen, struct narwhal_bytes value, const struct access_part *part)
{
	char *before;

	if (value.data == NULL) {
		pen->at = put_none(pen->at, pen->json);
		return;
	}
	if (pen->json)
		*pen->at++ = '"';
	before = pen->at;
	if (part->kind == ACCESS_PLAIN)
		pen->at = put(pen->at, value.data, value.size);
	else
		pen->at = put_escaped(pen->at, value, part->most != 0 ? part->most : pen->room,
			pen->json);
	if (part->most == 0)
		take_room(pen, (size_t)(pen->at - before));
	if (pen->json)
		*pen->at++ = '"';
}

/* Room for any value that has to be made; a user name above it is cut. */
#define VALUE_MAX 256

_Static_assert(VALUE_MAX >= PEER_TEXT_MAX, "an address must fit");

void access_line_draft(const struct access_format *format, const struct access_facts *facts,
	struct access_draft *draft)
{
	struct pen pen = {draft->text, ACCESS_LINE_MAX - 1 - format->fixed, format->json};
	const struct access_part *end = format->parts + format->count;
	char bytes[VALUE_MAX];
	struct text text = TEXT_OVER(bytes);
	size_t holes = 0;

	for (const struct access_part *part = format->parts; part < end; part++) {
		switch (part->kind) {
		case ACCESS_ITSELF:
			pen.at = put_literal(pen.at, part);
			break;
		case ACCESS_LATE:
			draft->hole[holes++] = (uint16_t)(pen.at - draft->text);
			break;
		case ACCESS_NUMBER:
			pen.at = put_status(pen.at, facts->status);
			break;
		case ACCESS_NONE:
		case ACCESS_PLAIN:
		case ACCESS_TEXT:
			text.used = 0;
			put_value(&pen, access_value(facts, part, &text), part);
			break;
		}
	}
	draft->size = (uint16_t)(pen.at - draft->text);
}

static char *put_late(char *at, enum access_atom atom, const struct access_end *end, bool json)
{
	const uint64_t us = end->duration_us;

	if (atom == ACCESS_BYTES_CLF && end->bytes == 0 && !json)
		return put(at, "-", 1);
	if (atom == ACCESS_SECONDS)
		return put_number(at, us / 1000000, 1);
	if (atom == ACCESS_MILLIS)
		return put_number(at, us / 1000, 1);
	if (atom == ACCESS_MICROS)
		return put_number(at, us, 1);
	if (atom != ACCESS_DECIMAL)
		return put_number(at, end->bytes, 1);
	at = put_number(at, us / 1000000, 1);
	*at++ = '.';
	return put_number(at, us % 1000000, 6);
}

size_t access_line_end(const struct access_format *format, const struct access_draft *draft,
	const struct access_end *end, char *line)
{
	const struct access_part *part = format->parts;
	size_t from = 0;
	char *at = line;

	for (size_t i = 0; i < format->late; i++, part++) {
		at = put(at, draft->text + from, draft->hole[i] - from);
		from = draft->hole[i];
		while (part->kind != ACCESS_LATE)
			part++;
		at = put_late(at, part->atom, end, format->json);
	}
	at = put(at, draft->text + from, draft->size - from);
	*at++ = '\n';
	return (size_t)(at - line);
}
