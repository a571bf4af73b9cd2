#include "service/apps/encoding.h"

#include <string.h>

#include "narwhal/service.h"
#include "service/apps/weight.h"
#include "service/field.h"
#include "service/octet.h"

static const struct {
	const char *name, *suffix;
} rows[ENCODINGS] = {
#define ENCODING(name, suffix) [ENCODING_##name] = {#name, suffix},
#include "service/apps/encodings.def"
#undef ENCODING
};

/* Where the quality of that coding is kept; NULL: we do not have it. */
static uint16_t *place_of(struct encoding_wish *wish, struct narwhal_bytes name)
{
	for (size_t i = 0; i < ENCODING_identity; i++) {
		if (field_is(name, rows[i].name))
			return &wish->quality[i];
	}
	if (field_is(name, "identity"))
		return &wish->quality[ENCODING_identity];
	if (field_is(name, "x-gzip")) /* section 8.4.1.3 */
		return &wish->quality[ENCODING_gzip];
	return field_is(name, "*") ? &wish->others : NULL;
}

void encoding_add(struct encoding_wish *wish, const char *value, size_t size)
{
	struct narwhal_bytes list = {value, size}, element;

	wish->given = true;
	while (field_list_next(&list, &element)) {
		size_t name_size = octet_span(element.data, 0, element.size, OCTET_TOKEN);
		uint16_t *place = place_of(wish, (struct narwhal_bytes){element.data, name_size});

		if (place != NULL && *place == 0)
			*place = weight_read((struct narwhal_bytes){element.data + name_size,
				element.size - name_size});
	}
}

static uint16_t quality_of(const struct encoding_wish *wish, enum encoding encoding)
{
	if (wish->quality[encoding] != 0)
		return wish->quality[encoding];
	if (wish->others != 0)
		return wish->others;
	/* Of what is not listed, identity alone is acceptable, and after all that is. */
	return encoding == ENCODING_identity ? WEIGHT_REFUSED + 1 : WEIGHT_REFUSED;
}

enum encoding encoding_choose(const struct encoding_wish *wish, unsigned there)
{
	enum encoding best = ENCODINGS;
	uint16_t most = WEIGHT_REFUSED;

	if (!wish->given)
		return ENCODING_identity;
	for (enum encoding i = 0; i < ENCODINGS; i++) {
		uint16_t quality = quality_of(wish, i);

		if ((there & 1U << i) == 0 || quality <= most)
			continue;
		most = quality;
		best = i;
	}
	return best;
}

const char *encoding_name(enum encoding encoding)
{
	return rows[encoding].name;
}

const char *encoding_suffix(enum encoding encoding)
{
	return rows[encoding].suffix;
}
