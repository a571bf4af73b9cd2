#include "service/field.h"

#include <string.h>

#include "service/octet.h"

static enum field_outcome field_refuse(struct field_line *line, const char *reason)
{
	line->reason = reason;
	return FIELD_REFUSED;
}

/* The bytes ended, or the limit was reached, with nothing wrong before. */
static enum field_outcome field_pause(struct field_line *line, size_t at, size_t limit)
{
	line->size += (uint32_t)at;
	line->taken = at;
	return line->size > limit ? FIELD_LONG : FIELD_MORE;
}

static const char *field_name_reason(char octet, bool empty)
{
	if (octet == ':' && empty)
		return "a field line with an empty name";
	if (octet_is(octet, OCTET_BLANK))
		return "a space in a field name or before its colon";
	if (octet == '\r' || octet == '\n')
		return "a field line without a colon";
	return "a forbidden byte in a field name";
}

static const char *field_value_reason(char octet)
{
	return octet == '\n' ? "a bare LF in a field line" : "a control byte in a field line";
}

/* A CR was used up; only LF may follow. */
static enum field_outcome field_lf(struct field_line *line, const char *bytes, size_t size)
{
	if (line->taken == size)
		return FIELD_MORE;
	if (bytes[line->taken] != '\n')
		return field_refuse(line, "a bare CR in a field line");
	line->taken++;
	return line->phase == FIELD_LF ? FIELD_LINE : FIELD_END;
}

static size_t field_name(struct field_line *line, const char *bytes, size_t stop)
{
	size_t at = 0;

	if (!line->underscore) {
		at = octet_span(bytes, 0, stop, OCTET_NAME);
		line->underscore = at < stop && bytes[at] == '_';
	}
	return line->underscore ? octet_span(bytes, at, stop, OCTET_TOKEN) : at;
}

/* From the name on: the CR may be the byte at offset `limit`, behind it nothing is looked at. */
static enum field_outcome field_rest(struct field_line *line, size_t limit, const char *bytes,
	size_t size)
{
	size_t most = limit + 1 - line->size, stop = size < most ? size : most, at = 0;

	if (line->phase == FIELD_NAME) {
		at = field_name(line, bytes, stop);
		if (at == stop)
			return field_pause(line, at, limit);
		line->name_size = line->size + (uint32_t)at;
		if (bytes[at] != ':' || line->name_size == 0)
			return field_refuse(line,
				field_name_reason(bytes[at], line->name_size == 0));
		at++;
		line->phase = FIELD_BLANK;
	}
	if (line->phase == FIELD_BLANK) {
		at = octet_span(bytes, at, stop, OCTET_BLANK);
		if (at == stop)
			return field_pause(line, at, limit);
		line->value_at = line->size + (uint32_t)at;
		line->phase = FIELD_VALUE;
	}
	at = octet_span_text(bytes, at, stop);
	if (at == stop)
		return field_pause(line, at, limit);
	if (bytes[at] != '\r')
		return field_refuse(line, field_value_reason(bytes[at]));
	line->size += (uint32_t)at;
	line->taken = at + 1;
	line->phase = FIELD_LF;
	return field_lf(line, bytes, size);
}

enum field_outcome field_scan(struct field_line *line, size_t limit, const char *bytes, size_t size)
{
	/* As below, in one step: each head that came whole ends so. */
	if (line->phase == FIELD_START && size >= 2 && memcmp(bytes, "\r\n", 2) == 0) {
		line->taken = 2;
		return FIELD_END;
	}
	line->taken = 0;
	if (line->phase == FIELD_START) {
		if (size == 0)
			return FIELD_MORE;
		/* obs-fold (RFC 9112 section 5.2), or a blank before the first (section 2.2). */
		if (octet_is(bytes[0], OCTET_BLANK))
			return field_refuse(line, "a field line that begins with a space");
		line->phase = bytes[0] == '\r' ? FIELD_LAST_LF : FIELD_NAME;
		line->taken = bytes[0] == '\r';
	}
	if (line->phase == FIELD_LF || line->phase == FIELD_LAST_LF)
		return field_lf(line, bytes, size);
	return field_rest(line, limit, bytes, size);
}

bool field_untrailed(const char *name, size_t size)
{
	static const char names[][FIELD_UNTRAILED_SIZE] = {
#define FIELD(name, rule) name,
#define UNTRAILED(name) name,
#include "service/fields.def"
#undef UNTRAILED
#undef FIELD
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (field_is((struct narwhal_bytes){name, size}, names[i]))
			return true;
	}
	return false;
}

bool field_list_next(struct narwhal_bytes *list, struct narwhal_bytes *element)
{
	while (list->size > 0) {
		const char *comma = memchr(list->data, ',', list->size);
		size_t size = comma == NULL ? list->size : (size_t)(comma - list->data);
		size_t at = octet_span(list->data, 0, size, OCTET_BLANK);

		element->data = list->data + at;
		element->size = octet_trim(element->data, size - at);
		size += comma != NULL;
		list->data += size;
		list->size -= size;
		if (element->size > 0)
			return true;
	}
	return false;
}

bool field_is(struct narwhal_bytes bytes, const char *lower)
{
	return strlen(lower) == bytes.size && octet_same(bytes.data, lower, bytes.size);
}
