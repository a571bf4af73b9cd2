#include "service/access_line.h"

#include <string.h>

#include "service/digits.h"
#include "service/octet.h"

/* A draft that is being made. */
struct pen {
	const struct access_facts *facts;
	struct access_draft *draft;
	size_t room; /* how much more than its least the unbounded atoms may take */
	size_t late; /* parts of kind ACCESS_LATE so far */
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

/* Less than eight octets, with spaces for those that are missing. */
static uint64_t load_few(const char *bytes, size_t size)
{
	uint64_t eight = UINT64_MAX / 255 * ' ';

	for (size_t i = 0; i < size; i++)
		eight = eight << 8 | (unsigned char)bytes[i];
	return eight;
}

/*
 * Copies what can be written as it is, eight octets at a time, up to the first eight that cannot:
 * how many that are. What lies behind them, up to `size`, may have been written, too.
 */
static size_t copy_plain(char *to, const char *bytes, size_t size)
{
	uint64_t eight;
	size_t at = 0;

	if (size < sizeof(eight)) {
		for (; at < size; at++)
			to[at] = bytes[at];
		return is_plain(load_few(bytes, size)) ? size : 0;
	}
	for (;;) {
		memcpy(&eight, bytes + at, sizeof(eight));
		if (!is_plain(eight))
			return at;
		memcpy(to + at, &eight, sizeof(eight));
		at += sizeof(eight);
		if (at == size)
			return size;
		if (size - at < sizeof(eight)) /* once more those that are there already */
			at = size - sizeof(eight);
	}
}

/* At most `room` bytes; where that does not do, what fits and "...", which has its own room. */
static char *put_escaped(char *at, struct narwhal_bytes value, size_t room, bool json)
{
	const char *end = at + room;
	size_t i = copy_plain(at, value.data, value.size < room ? value.size : room);

	for (at += i; i < value.size; i++) {
		char bytes[6];
		size_t size = escape(value.data[i], json, bytes);

		if (size > (size_t)(end - at))
			return put(at, "...", 3);
		at = put(at, bytes, size);
	}
	return at;
}

static char *put_none(char *at, bool json)
{
	if (json)
		return put(at, "null", 4);
	*at = '-';
	return at + 1;
}

static char *put_quote(char *at, bool json)
{
	if (json)
		*at++ = '"';
	return at;
}

static char *put_text(char *at, struct pen *pen, const struct access_part *part,
	struct narwhal_bytes value)
{
	char *begin = put_quote(at, pen->json);
	size_t size;

	at = put_escaped(begin, value, part->most != 0 ? part->most : pen->room, pen->json);
	size = (size_t)(at - begin);
	if (part->most == 0)
		pen->room -= size < pen->room ? size : pen->room; /* "..." has its own */
	return put_quote(at, pen->json);
}

/* A user name above it is cut. */
#define DECODED_MAX 256

/* Rare, and its room on the stack is not to be paid for by other atoms. */
__attribute__((noinline, cold)) static char *put_decoded(char *at, struct pen *pen,
	const struct access_part *part, struct narwhal_bytes value)
{
	char bytes[DECODED_MAX];
	struct text text = TEXT_OVER(bytes);

	value = access_decode(value, &text);
	return value.data != NULL ? put_text(at, pen, part, value) : put_none(at, pen->json);
}

/* Nothing in it has to be escaped, so that what has to be made, was made in its place. */
static char *put_plain(char *at, bool json, struct narwhal_bytes value)
{
	at = put_quote(at, json);
	if (value.data != at)
		memcpy(at, value.data, value.size);
	return put_quote(at + value.size, json);
}

static char *put_second(char *at, bool json, const struct access_times *times)
{
	at = put_quote(at, json);
	memcpy(at, times->clf, ACCESS_CLF_SIZE);
	return put_quote(at + ACCESS_CLF_SIZE, json);
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

/* Its place, and there the guess. */
static char *put_guess(char *at, struct pen *pen, enum access_atom atom)
{
	struct access_draft *draft = pen->draft;
	const struct access_end end = {.bytes = draft->guess};

	draft->late[pen->late].at = (uint16_t)(at - draft->text);
	if (draft->guess != UINT64_MAX)
		at = put_late(at, atom, &end, pen->json);
	draft->late[pen->late++].end = (uint16_t)(at - draft->text);
	return at;
}

static char *put_value(char *at, struct pen *pen, const struct access_part *part)
{
	struct narwhal_bytes value = access_value(pen->facts, part, at + pen->json);

	if (value.data == NULL)
		return put_none(at, pen->json);
	if (part->kind == ACCESS_TEXT)
		return put_text(at, pen, part, value);
	if (part->kind == ACCESS_PLAIN)
		return put_plain(at, pen->json, value);
	return put_decoded(at, pen, part, value);
}

static char *put_part(char *at, struct pen *pen, const struct access_part *part)
{
	switch (part->kind) {
	case ACCESS_NUMBER:
		return digits_put_three(at, pen->facts->status);
	case ACCESS_SECOND:
		return put_second(at, pen->json, &pen->facts->scene->times);
	case ACCESS_LATE:
		return put_guess(at, pen, part->atom);
	case ACCESS_PLAIN:
	case ACCESS_TEXT:
	case ACCESS_DECODED:
		return put_value(at, pen, part);
	case ACCESS_NONE: /* a literal by now */
	case ACCESS_ITSELF:
		break;
	}
	return at;
}

void access_line_draft(const struct access_format *format, const struct access_facts *facts,
	uint64_t guess, struct access_draft *draft)
{
	const struct access_part *end = format->parts + format->count;
	struct pen pen = {
		.facts = facts,
		.draft = draft,
		.room = ACCESS_LINE_MAX - 1 - format->fixed,
		.json = format->json,
	};
	char *at = draft->text;

	draft->guess = access_format_is_timed(format) ? UINT64_MAX : guess;
	for (const struct access_part *part = format->parts; part < end; part++)
		at = put_part(put_lead(at, part), &pen, part);
	draft->size = (uint16_t)(at - draft->text);
}

/* The guess was wrong, or there was none. */
static char *put_together(char *at, const struct access_format *format,
	const struct access_draft *draft, const struct access_end *end)
{
	size_t from = 0;

	for (size_t i = 0; i < format->late; i++) {
		at = put(at, draft->text + from, draft->late[i].at - from);
		at = put_late(at, format->late_atom[i], end, format->json);
		from = draft->late[i].end;
	}
	return put(at, draft->text + from, draft->size - from);
}

size_t access_line_end(const struct access_format *format, const struct access_draft *draft,
	const struct access_end *end, char *line)
{
	char *at;

	if (LIKELY(draft->guess == end->bytes))
		at = put(line, draft->text, draft->size);
	else
		at = put_together(line, format, draft, end);
	*at++ = '\n';
	return (size_t)(at - line);
}
