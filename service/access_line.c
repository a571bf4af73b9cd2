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

static char *put_padded(char *at, uint64_t value, unsigned digits)
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

/* At most `room` bytes; where that does not do, what fits and "...", which has its own room. */
static char *put_escaped(char *at, struct narwhal_bytes value, size_t room, bool json)
{
	const char *end = at + room;
	size_t i = 0;

	while (i < value.size) {
		char bytes[6];
		uint64_t eight;
		size_t size;

		if (value.size - i >= sizeof(eight) && (size_t)(end - at) >= sizeof(eight)) {
			memcpy(&eight, value.data + i, sizeof(eight));
			if (is_plain(eight)) {
				at = put(at, value.data + i, sizeof(eight));
				i += sizeof(eight);
				continue;
			}
		}
		size = escape(value.data[i], json, bytes);
		if (size > (size_t)(end - at))
			return put(at, "...", 3);
		at = put(at, bytes, size);
		i++;
	}
	return at;
}

static void take_room(struct pen *pen, size_t size)
{
	pen->room -= size < pen->room ? size : pen->room; /* "..." has its own */
}

static void put_value(struct pen *pen, struct narwhal_bytes value, size_t most)
{
	char *before;

	if (value.data == NULL) {
		pen->at = pen->json ? put(pen->at, "null", 4) : put(pen->at, "-", 1);
		return;
	}
	if (pen->json)
		*pen->at++ = '"';
	before = pen->at;
	pen->at = put_escaped(pen->at, value, most != 0 ? most : pen->room, pen->json);
	if (most == 0)
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
	size_t holes = 0;

	for (const struct access_part *part = format->parts; part < format->parts + format->count;
		part++) {
		char bytes[VALUE_MAX];
		struct text text;

		if (part->atom == ACCESS_LITERAL) {
			pen.at = put(pen.at, part->text, part->size);
		} else if (part->kind == ACCESS_LATE) {
			draft->hole[holes++] = (uint16_t)(pen.at - draft->text);
		} else if (part->kind == ACCESS_NUMBER) {
			pen.at = put_padded(pen.at, facts->status, 1);
		} else {
			text = TEXT_OVER(bytes);
			put_value(&pen, access_value(facts, part, &text), part->most);
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
		return put_padded(at, us / 1000000, 1);
	if (atom == ACCESS_MILLIS)
		return put_padded(at, us / 1000, 1);
	if (atom == ACCESS_MICROS)
		return put_padded(at, us, 1);
	if (atom != ACCESS_DECIMAL)
		return put_padded(at, end->bytes, 1);
	at = put_padded(at, us / 1000000, 1);
	*at++ = '.';
	return put_padded(at, us % 1000000, 6);
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
