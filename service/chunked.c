#include "service/chunked.h"

#include <string.h>

#include "service/octet.h"

#define CHUNKED_DIGITS_MAX 16 /* of 64 bits; zeros in front count too */

enum chunked_octet {
	CHUNKED_OTHER,
	CHUNKED_HEX,
	CHUNKED_TOKEN,
	CHUNKED_BLANK,
	CHUNKED_SEMICOLON,
	CHUNKED_EQUALS,
	CHUNKED_QUOTE,
	CHUNKED_BACKSLASH,
	CHUNKED_CR,
	CHUNKED_LF,
	CHUNKED_TEXT,
	CHUNKED_OCTETS
};

static const uint8_t chunked_steps[CHUNKED_STATES][CHUNKED_OCTETS] = {
#define STEP(in, on, becomes) [CHUNKED_##in][CHUNKED_##on] = CHUNKED_##becomes,
#include "service/chunked.def"
#undef STEP
};

static enum chunked_octet chunked_octet(char octet)
{
	static const uint8_t special[128] = {
		['\t'] = CHUNKED_BLANK,
		[' '] = CHUNKED_BLANK,
		[';'] = CHUNKED_SEMICOLON,
		['='] = CHUNKED_EQUALS,
		['"'] = CHUNKED_QUOTE,
		['\\'] = CHUNKED_BACKSLASH,
		['\r'] = CHUNKED_CR,
		['\n'] = CHUNKED_LF,
	};
	unsigned char c = (unsigned char)octet;

	if (c < COUNT_OF(special) && special[c] != CHUNKED_OTHER)
		return special[c];
	if (octet_hex(octet) >= 0)
		return CHUNKED_HEX;
	if (octet_is(octet, OCTET_TOKEN))
		return CHUNKED_TOKEN;
	return octet_is(octet, OCTET_TEXT) ? CHUNKED_TEXT : CHUNKED_OTHER;
}

void chunked_reset(struct chunked *chunked)
{
	*chunked = (struct chunked){.state = CHUNKED_SIZE_FIRST};
}

/* Steps return whether to go on; if not, the state says what is. */
static bool chunked_refuse(struct chunked *chunked, unsigned status, const char *reason)
{
	chunked->state = CHUNKED_REFUSE;
	chunked->status = status;
	chunked->reason = reason;
	return false;
}

static const char *chunked_reason(enum chunked_state state)
{
	if (state == CHUNKED_DATA_CR || state == CHUNKED_DATA_LF)
		return "chunk data without CRLF behind it";
	if (state == CHUNKED_SIZE_FIRST || state == CHUNKED_SIZE)
		return "a malformed chunk size";
	return state == CHUNKED_SIZE_LF ? "a bare CR behind a chunk size"
					: "a malformed chunk extension";
}

static bool chunked_digit(struct chunked *chunked, char digit)
{
	if (++chunked->digits > CHUNKED_DIGITS_MAX)
		return chunked_refuse(chunked, 400, "a chunk size of too many digits");
	chunked->left = chunked->left << 4 | (uint64_t)octet_hex(digit);
	return true;
}

/* The line with the size is complete. */
static bool chunked_begin(struct chunked *chunked, const struct request_limits *limits)
{
	chunked->digits = 0;
	if (chunked->left > limits->body - chunked->total)
		return chunked_refuse(chunked, 413, "the body is too long");
	if (chunked->left == 0)
		chunked->state = CHUNKED_TRAILER;
	return true;
}

/* One octet of a line with a size, or of the CRLF behind data. */
static bool chunked_step(struct chunked *chunked, const struct request_limits *limits, char octet)
{
	enum chunked_state before = chunked->state;

	chunked->state = chunked_steps[before][chunked_octet(octet)];
	chunked->consumed++;
	if (chunked->state == CHUNKED_REFUSE)
		return chunked_refuse(chunked, 400, chunked_reason(before));
	if (chunked->state == CHUNKED_SIZE)
		return chunked_digit(chunked, octet);
	if (chunked->state == CHUNKED_DATA)
		return chunked_begin(chunked, limits);
	if (chunked->state > CHUNKED_SIZE && chunked->state < CHUNKED_SIZE_LF &&
		++chunked->extensions > CHUNKED_EXTENSIONS_MAX)
		return chunked_refuse(chunked, 400, "chunk extensions are too long");
	return true;
}

static void chunked_data(struct chunked *chunked, char *bytes, size_t size)
{
	size_t have = size - chunked->consumed;
	size_t part = have < chunked->left ? have : (size_t)chunked->left;

	memmove(bytes + chunked->produced, bytes + chunked->consumed, part);
	chunked->produced += part;
	chunked->consumed += part;
	chunked->total += part;
	chunked->left -= part;
	if (chunked->left == 0)
		chunked->state = CHUNKED_DATA_CR;
}

/* A line of the trailer section is complete. */
static bool chunked_trailer_line(struct chunked *chunked, const struct request_limits *limits)
{
	if (++chunked->trailer_lines > limits->fields)
		return chunked_refuse(chunked, 431, "too many trailer lines");
	if (limits->refuse_underscore && chunked->line.underscore)
		return chunked_refuse(chunked, 400, "a trailer name with _");
	if (field_untrailed(chunked->name, chunked->line.name_size))
		return chunked_refuse(chunked, 400, "a field that no trailer section may have");
	chunked->line = (struct field_line){0};
	return true;
}

/* Keeps the name: its bytes may be gone when the line is complete. */
static void chunked_keep_name(struct chunked *chunked, size_t before, const char *bytes)
{
	size_t room = sizeof(chunked->name), have = before + chunked->line.taken;

	for (size_t i = before; i < have && i < room; i++)
		chunked->name[i] = bytes[i - before];
}

/* As much of the trailer section as there is. Bytes past limits->head are not looked at. */
static bool chunked_trailer(struct chunked *chunked, const struct request_limits *limits,
	const char *bytes, size_t size)
{
	size_t before = chunked->line.size, most = limits->head - chunked->trailer_size;
	const char *line = bytes + chunked->consumed;
	size_t have = size - chunked->consumed;
	enum field_outcome outcome =
		field_scan(&chunked->line, limits->field_size, line, have < most ? have : most);

	chunked->consumed += chunked->line.taken;
	chunked->trailer_size += chunked->line.taken;
	switch (outcome) {
	case FIELD_MORE:
		if (chunked->trailer_size == limits->head)
			return chunked_refuse(chunked, 431, "the trailer section is too long");
		break;
	case FIELD_LINE:
		chunked_keep_name(chunked, before, line);
		return chunked_trailer_line(chunked, limits);
	case FIELD_END:
		chunked->state = CHUNKED_END;
		return false;
	case FIELD_LONG:
		return chunked_refuse(chunked, 431, "a trailer line is too long");
	case FIELD_REFUSED:
		return chunked_refuse(chunked, 400, chunked->line.reason);
	}
	chunked_keep_name(chunked, before, line);
	return false;
}

enum chunked_outcome chunked_decode(struct chunked *chunked, const struct request_limits *limits,
	char *bytes, size_t size)
{
	bool more = chunked->state != CHUNKED_END && chunked->state != CHUNKED_REFUSE;

	chunked->consumed = 0;
	chunked->produced = 0;
	while (more && chunked->consumed < size) {
		if (chunked->state == CHUNKED_DATA)
			chunked_data(chunked, bytes, size);
		else if (chunked->state == CHUNKED_TRAILER)
			more = chunked_trailer(chunked, limits, bytes, size);
		else
			more = chunked_step(chunked, limits, bytes[chunked->consumed]);
	}
	if (chunked->state == CHUNKED_REFUSE)
		return CHUNKED_REFUSED;
	return chunked->state == CHUNKED_END ? CHUNKED_DONE : CHUNKED_MORE;
}
