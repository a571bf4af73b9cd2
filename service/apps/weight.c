#include "service/apps/weight.h"

#include <string.h>

#include "service/field.h"
#include "service/octet.h"

/* 0, 0.5, 0.123, 1, 1.000. */
static uint16_t read_quality(const char *bytes, size_t size)
{
	uint16_t value = 0, unit = 1000;

	if (size == 0 || size > 5 || (size > 1 && bytes[1] != '.'))
		return 0;
	for (size_t i = 0; i < size; i++) {
		if (i == 1)
			continue;
		if (!octet_is(bytes[i], OCTET_DIGIT))
			return 0;
		value = (uint16_t)(value + (bytes[i] - '0') * unit);
		unit /= 10;
	}
	return value <= 1000 ? (uint16_t)(value + 1) : 0;
}

static void skip_blanks(struct narwhal_bytes *bytes)
{
	size_t blanks = octet_span(bytes->data, 0, bytes->size, OCTET_BLANK);

	bytes->data += blanks;
	bytes->size -= blanks;
}

uint16_t weight_read(struct narwhal_bytes rest)
{
	skip_blanks(&rest);
	if (rest.size == 0)
		return WEIGHT_MAX;
	if (*rest.data != ';')
		return 0;
	rest.data++;
	rest.size--;
	skip_blanks(&rest);
	if (rest.size < 2 || (rest.data[0] | 0x20) != 'q' || rest.data[1] != '=')
		return 0;
	return read_quality(rest.data + 2, rest.size - 2);
}

bool weight_allows_html(struct narwhal_bytes accept)
{
	/* The most exact one decides (section 12.5.1). */
	static const char *const ranges[] = {"*/*", "text/*", "text/html"};
	size_t best = 0;
	bool allowed = accept.data == NULL;
	struct narwhal_bytes element;

	while (field_list_next(&accept, &element)) {
		const char *end = memchr(element.data, ';', element.size);
		size_t size = end != NULL ? (size_t)(end - element.data) : element.size;
		const struct narwhal_bytes range = {element.data, octet_trim(element.data, size)};

		for (size_t i = best; i < COUNT_OF(ranges); i++) {
			if (!field_is(range, ranges[i]))
				continue;
			best = i;
			allowed = weight_read((struct narwhal_bytes){element.data + size,
					  element.size - size}) != WEIGHT_REFUSED;
		}
	}
	return allowed;
}
