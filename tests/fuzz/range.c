/*
 * Range, and the body of several ranges: whatever the field is, the parts are of the file, keep
 * apart from each other, and are few; what they become as a body is as long as was announced, and
 * can be read back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/apps/multipart.h"
#include "service/apps/range.h"
#include "tests/fuzz/lib/fuzz.h"

static void check_parts(const struct ranges *ranges, uint64_t length)
{
	MUST(ranges->count >= 1 && ranges->count <= RANGE_MAX);
	for (size_t i = 0; i < ranges->count; i++) {
		const struct range *part = &ranges->parts[i];

		MUST(part->first <= part->last && part->last < length);
		for (size_t k = 0; k < i; k++) {
			const struct range *other = &ranges->parts[k];

			/* A byte between, at least: they would have been joined. */
			MUST(part->first > other->last + 1 || other->first > part->last + 1);
		}
	}
}

/* Written out as a field, the parts are what they are. */
static void check_again(const struct ranges *ranges, uint64_t length)
{
	char value[RANGE_MAX * 42 + 8];
	size_t used = (size_t)sprintf(value, "bytes=");
	struct ranges again;

	for (size_t i = 0; i < ranges->count; i++)
		used += (size_t)sprintf(value + used, "%s%ju-%ju", i != 0 ? "," : "",
			(uintmax_t)ranges->parts[i].first, (uintmax_t)ranges->parts[i].last);
	MUST(range_read(&again, value, used, length) == RANGE_PARTS);
	MUST(again.count == ranges->count);
	MUST(memcmp(again.parts, ranges->parts, ranges->count * sizeof(again.parts[0])) == 0);
}

static void check_body(const struct ranges *ranges, uint64_t length, uint64_t boundary)
{
	static const char type[] = "Content-Type: a/b\r\n";
	const struct multipart multipart = {
		.ranges = *ranges,
		.length = length,
		.boundary = boundary,
		.type = {type, sizeof(type) - 1},
	};
	uint64_t size = 0;

	for (size_t i = 0; i <= ranges->count; i++) {
		const struct range *part = &ranges->parts[i];
		uintmax_t first, last, whole;
		char bytes[512];
		struct text head = TEXT_OVER(bytes);
		const char *line;

		multipart_add_head(&multipart, i, &head);
		MUST(!head.cut && memcmp(bytes, "\r\n--", 4) == 0);
		size += head.used;
		if (i == ranges->count)
			break;
		size += part->last - part->first + 1;
		line = strstr(bytes, "Content-Range: ");
		MUST(line != NULL && strcmp(bytes + head.used - 4, "\r\n\r\n") == 0);
		MUST(sscanf(line, "Content-Range: bytes %ju-%ju/%ju", &first, &last, &whole) == 3);
		MUST(first == part->first && last == part->last && whole == length);
	}
	MUST(size == multipart_size(&multipart));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t lengths[] = {0, 1, 10, 1000, 1 << 20, (uint64_t)1 << 40, UINT64_MAX};
	char *value = fuzz_copy(data, size);
	uint64_t seed = fuzz_seed(data, size);

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct ranges ranges;

		if (range_read(&ranges, value, size, lengths[i]) != RANGE_PARTS)
			continue;
		check_parts(&ranges, lengths[i]);
		check_again(&ranges, lengths[i]);
		/* Sizes of parts add up to a file's at most. */
		check_body(&ranges, lengths[i], seed);
	}
	free(value);
	return 0;
}
