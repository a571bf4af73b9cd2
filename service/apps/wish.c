#include "service/apps/wish.h"

#include "service/field.h"

/* Only GET has ranges (section 14.2), and two fields are none. */
static void add_range(struct wish *wish, struct narwhal_bytes value, unsigned *ranges)
{
	wish->range = value;
	if (++*ranges > 1)
		wish->range.size = 0;
}

void wish_read(struct wish *wish, const struct narwhal_request *request)
{
	struct narwhal_bytes name, value, method = narwhal_request_method(request);
	unsigned ranges = method.size == 3 && *method.data == 'G' ? 0 : 1;

	*wish = (struct wish){0};
	for (size_t i = 0; narwhal_request_field_at(request, i, &name, &value) != 0; i++) {
		/* Nearly every field of nearly every request is passed over by its first byte. */
		switch (*name.data | 0x20) {
		case 'a':
			if (field_is(name, "accept-encoding"))
				encoding_add(&wish->encoding, value.data, value.size);
			break;
		case 'i':
			wish->has_conditions |= name.size > 3 && name.data[2] == '-';
			break;
		case 'r':
			if (field_is(name, "range"))
				add_range(wish, value, &ranges);
			break;
		default:
			break;
		}
	}
}

enum conditional_outcome wish_weigh(struct wish *wish, const struct narwhal_request *request,
	const struct form *form)
{
	const struct validators *validators = &form->validators;
	struct conditional conditional = {
		.etag = validators->etag,
		.etag_size = validators->etag_size,
		.weak = form->weak,
		.settled = validators->settled,
		.modified = validators->modified,
	};
	struct narwhal_bytes name, value;

	if (LIKELY(!wish->has_conditions))
		return CONDITIONAL_SEND;
	for (size_t i = 0; narwhal_request_field_at(request, i, &name, &value) != 0; i++)
		conditional_add(&conditional, name.data, name.size, value.data, value.size);
	if (!conditional_has_range(&conditional))
		wish->range.size = 0;
	return conditional_decide(&conditional);
}
