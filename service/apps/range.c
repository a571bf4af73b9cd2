#include "service/apps/range.h"

#include <stdbool.h>
#include <strings.h>

#include "narwhal/service.h"
#include "service/field.h"
#include "service/octet.h"

static const char unit[] = "bytes=";

/* As asked for: "first-last", "first-", or "-last" for the last bytes. */
struct spec {
	bool has_first, has_last;
	uint64_t first, last;
};

/* Digits, if there are any, up to the end; a number that is too large is as large as can be. */
static bool read_position(const char *bytes, size_t size, bool *given, uint64_t *value)
{
	*given = size != 0;
	*value = 0;
	if (octet_span(bytes, 0, size, OCTET_DIGIT) != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		uint64_t digit = (uint64_t)(bytes[i] - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			*value = UINT64_MAX;
		else
			*value = *value * 10 + digit;
	}
	return true;
}

static bool read_spec(struct narwhal_bytes bytes, struct spec *spec)
{
	size_t dash = octet_span(bytes.data, 0, bytes.size, OCTET_DIGIT);

	if (dash == bytes.size || bytes.data[dash] != '-' ||
		!read_position(bytes.data, dash, &spec->has_first, &spec->first) ||
		!read_position(bytes.data + dash + 1, bytes.size - dash - 1, &spec->has_last,
			&spec->last))
		return false;
	if (!spec->has_first)
		return spec->has_last;
	/* Section 14.1.1: the other way round it is invalid, and the field with it. */
	return !spec->has_last || spec->first <= spec->last;
}

/* What that is in a file of `length` bytes, which are not none; false if nothing. */
static bool satisfy(const struct spec *spec, uint64_t length, struct range *range)
{
	if (!spec->has_first) {
		range->first = spec->last < length ? length - spec->last : 0;
		range->last = length - 1;
		return spec->last != 0;
	}
	range->first = spec->first;
	range->last = spec->has_last && spec->last < length ? spec->last : length - 1;
	return spec->first < length;
}

static bool meet(const struct range *a, const struct range *b)
{
	/* Below the file's length, so that adding one cannot overflow. */
	return a->first <= b->last + 1 && b->first <= a->last + 1;
}

/*
 * Joined with every part that it meets, in the place of the first. Parts never meet each other, so
 * that what it grows by on the way makes it meet no part that it has passed.
 */
static void add(struct ranges *ranges, struct range range)
{
	size_t at = ranges->count, kept = 0;

	for (size_t i = 0; i < ranges->count; i++) {
		struct range part = ranges->parts[i];

		if (!meet(&part, &range)) {
			ranges->parts[kept++] = part;
			continue;
		}
		if (at == ranges->count)
			at = kept++; /* stays free for it */
		range.first = part.first < range.first ? part.first : range.first;
		range.last = part.last > range.last ? part.last : range.last;
	}
	if (at == ranges->count)
		at = kept++;
	ranges->parts[at] = range;
	ranges->count = kept;
}

enum range_outcome range_read(struct ranges *ranges, const char *value, size_t size,
	uint64_t length)
{
	struct narwhal_bytes list, element;
	struct range range;
	struct spec spec;
	size_t asked = 0;

	ranges->count = 0;
	if (size < sizeof(unit) - 1 || strncasecmp(value, unit, sizeof(unit) - 1) != 0)
		return RANGE_WHOLE;
	list = (struct narwhal_bytes){value + sizeof(unit) - 1, size - (sizeof(unit) - 1)};
	while (field_list_next(&list, &element)) {
		if (!read_spec(element, &spec) || ++asked > RANGE_MAX)
			return RANGE_WHOLE;
		/* The last bytes of an empty file are all of it, and no Content-Range says so. */
		if (length == 0 && !spec.has_first && spec.last != 0)
			return RANGE_WHOLE;
		if (length != 0 && satisfy(&spec, length, &range))
			add(ranges, range);
	}
	if (ranges->count != 0)
		return RANGE_PARTS;
	return asked != 0 ? RANGE_UNSATISFIABLE : RANGE_WHOLE;
}
