#include "service/access_line.h"

#include <string.h>

#include "service/digits.h"
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

/* Most are short: eight bytes at once are cheaper than a call, and both sides have slack. */
static char *put_lead(char *at, const struct access_part *part)
{
	if (UNLIKELY(part->lead_size > ACCESS_SLACK))
		return put(at, part->lead, part->lead_size);
	memcpy(at, part->lead, ACCESS_SLACK);
	return at + part->lead_size;
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

static void put_quote(struct pen *pen)
{
	if (pen->json)
		*pen->at++ = '"';
}

static void put_text(struct pen *pen, struct narwhal_bytes value, const struct access_part *part)
{
	const char *before;

	put_quote(pen);
	before = pen->at;
	pen->at = put_escaped(pen->at, value, part->most != 0 ? part->most : pen->room, pen->json);
	if (part->most == 0)
		take_room(pen, (size_t)(pen->at - before));
	put_quote(pen);
}

static void put_value(struct pen *pen, struct narwhal_bytes value, const struct access_part *part)
{
	if (value.data != NULL)
		put_text(pen, value, part);
	else
		pen->at = put_none(pen->at, pen->json);
}

/* A user name above it is cut. */
#define DECODED_MAX 256

static void put_decoded(struct pen *pen, const struct access_facts *facts,
	const struct access_part *part)
{
	char bytes[DECODED_MAX];
	struct text text = TEXT_OVER(bytes);

	put_value(pen, access_value(facts, part, &text), part);
}

/* Nothing in it has to be escaped, so that what has to be made, is made in its place. */
static void put_plain(struct pen *pen, const struct access_facts *facts,
	const struct access_part *part)
{
	struct text text = {.bytes = pen->at + pen->json, .size = part->most + (size_t)1};
	struct narwhal_bytes value = access_value(facts, part, &text);

	if (value.data == NULL) {
		pen->at = put_none(pen->at, pen->json);
		return;
	}
	if (value.data != text.bytes)
		memcpy(text.bytes, value.data, value.size);
	put_quote(pen);
	pen->at += value.size;
	put_quote(pen);
}

static void put_second(struct pen *pen, const struct access_times *times)
{
	put_quote(pen);
	memcpy(pen->at, times->clf, ACCESS_CLF_SIZE);
	pen->at += ACCESS_CLF_SIZE;
	put_quote(pen);
}

void access_line_draft(const struct access_format *format, const struct access_facts *facts,
	struct access_draft *draft)
{
	struct pen pen = {draft->text, ACCESS_LINE_MAX - 1 - format->fixed, format->json};
	const struct access_part *end = format->parts + format->count;
	size_t holes = 0;

	for (const struct access_part *part = format->parts; part < end; part++) {
		pen.at = put_lead(pen.at, part);
		switch (part->kind) {
		case ACCESS_ITSELF:
			break;
		case ACCESS_LATE:
			draft->hole[holes++] = (uint16_t)(pen.at - draft->text);
			break;
		case ACCESS_NUMBER:
			pen.at = digits_put_three(pen.at, facts->status);
			break;
		case ACCESS_SECOND:
			put_second(&pen, facts->times);
			break;
		case ACCESS_PLAIN:
			put_plain(&pen, facts, part);
			break;
		case ACCESS_NONE: /* a literal by now */
		case ACCESS_TEXT:
			put_value(&pen, access_value(facts, part, NULL), part);
			break;
		case ACCESS_DECODED:
			put_decoded(&pen, facts, part);
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
		return digits_put(at, us / 1000000);
	if (atom == ACCESS_MILLIS)
		return digits_put(at, us / 1000);
	if (atom == ACCESS_MICROS)
		return digits_put(at, us);
	if (atom != ACCESS_DECIMAL)
		return digits_put(at, end->bytes);
	at = digits_put(at, us / 1000000);
	*at++ = '.';
	return digits_put_padded(at, us, 6);
}

size_t access_line_end(const struct access_format *format, const struct access_draft *draft,
	const struct access_end *end, char *line)
{
	size_t from = 0;
	char *at = line;

	for (size_t i = 0; i < format->late; i++) {
		at = put(at, draft->text + from, draft->hole[i] - from);
		from = draft->hole[i];
		at = put_late(at, format->late_atom[i], end, format->json);
	}
	at = put(at, draft->text + from, draft->size - from);
	*at++ = '\n';
	return (size_t)(at - line);
}
