/*
 * What the fields of fields.def mean for the server: framing, routing, persistence. Malformed is
 * 400 at its line; what depends on several lines is settled when all are there, in a fixed order.
 */
#include <errno.h>

#include "base/text.h"
#include "service/authority.h"
#include "service/octet.h"
#include "service/request.h"

typedef const char *request_field_rule(struct request *request, struct narwhal_bytes value,
	size_t at);

/* RFC 9112 section 3.2: exactly one, valid, even where the target's own authority wins. */
static const char *request_field_host(struct request *request, struct narwhal_bytes value,
	size_t at)
{
	if (request->has_host)
		return "more than one Host";
	if (!authority_valid(value.data, value.size))
		return "a malformed Host";
	request->has_host = true;
	if (!request->absolute)
		request->host = (struct request_span){(uint16_t)at, (uint16_t)value.size};
	return NULL;
}

/*
 * RFC 9112 section 6.2 and 6.3: a list of equal numbers could be accepted, and is not; nor are
 * zeros in front, which some take for octal.
 */
static const char *request_field_content_length(struct request *request, struct narwhal_bytes value,
	size_t at)
{
	int error = text_to_uint(value.data, value.size, INT64_MAX, &request->content_length);

	(void)at;
	if (request->has_length)
		return "more than one Content-Length";
	if (error != 0)
		return error == -ERANGE ? "a Content-Length above 2^63"
					: "a Content-Length that is no number";
	if (value.size > 1 && value.data[0] == '0')
		return "a Content-Length with a zero in front";
	request->has_length = true;
	return NULL;
}

/* transfer-coding = token *( OWS ";" OWS transfer-parameter ) (RFC 9112 section 7). */
static const char *request_field_coding(struct request *request, struct narwhal_bytes coding)
{
	size_t name = octet_span(coding.data, 0, coding.size, OCTET_TOKEN);
	size_t at = octet_span(coding.data, name, coding.size, OCTET_BLANK);
	bool chunked = field_is((struct narwhal_bytes){coding.data, name}, "chunked");

	if (name == 0 || (at < coding.size && coding.data[at] != ';'))
		return "a malformed Transfer-Encoding";
	for (; at < coding.size; at++) {
		if ((unsigned char)coding.data[at] >= 0x80)
			return "a malformed Transfer-Encoding";
	}
	/* Behind "chunked" nothing may come, not even itself (RFC 9112 section 6.1 and 6.3). */
	if (request->chunked)
		return "a transfer coding behind chunked";
	if (chunked && name != coding.size)
		return "chunked with a parameter";
	request->chunked = chunked;
	request->other_coding |= !chunked;
	return NULL;
}

/* Empty elements, which other lists may have, are refused here: readers differ about them. */
static const char *request_field_transfer_encoding(struct request *request,
	struct narwhal_bytes value, size_t at)
{
	(void)at;
	request->has_coding = true;
	for (size_t begin = 0, end; begin <= value.size; begin = end + 1) {
		const char *reason;
		const char *comma = NULL;

		if (begin < value.size)
			comma = memchr(value.data + begin, ',', value.size - begin);
		end = comma == NULL ? value.size : (size_t)(comma - value.data);
		begin = octet_span(value.data, begin, end, OCTET_BLANK);
		reason = request_field_coding(request,
			(struct narwhal_bytes){value.data + begin,
				octet_trim(value.data + begin, end - begin)});
		if (reason != NULL)
			return reason;
	}
	return NULL;
}

/* RFC 9110 section 10.1.1. */
static const char *request_field_expect(struct request *request, struct narwhal_bytes value,
	size_t at)
{
	(void)at;
	if (field_is(value, "100-continue"))
		request->expect_continue = true;
	else
		request->other_expectation = true;
	return NULL;
}

/* RFC 9110 section 7.6.1: a list, over all lines of that name. */
static const char *request_field_connection(struct request *request, struct narwhal_bytes value,
	size_t at)
{
	struct narwhal_bytes option;

	(void)at;
	while (field_list_next(&value, &option)) {
		if (octet_span(option.data, 0, option.size, OCTET_TOKEN) != option.size)
			return "a malformed Connection";
		request->close |= field_is(option, "close");
		request->persist |= field_is(option, "keep-alive");
	}
	return NULL;
}

/* Two types of one body: the app and whoever filters before it might each take another. */
static const char *request_field_content_type(struct request *request, struct narwhal_bytes value,
	size_t at)
{
	(void)value;
	(void)at;
	if (request->has_type)
		return "more than one Content-Type";
	request->has_type = true;
	return NULL;
}

static const struct {
	const char *name;
	request_field_rule *rule;
} request_field_rules[] = {
#define FIELD(name, rule) [sizeof(name) - 1] = {name, rule},
#include "service/fields.def"
#undef FIELD
};

const char *request_field_read(struct request *request, const char *bytes,
	const struct request_field *field)
{
	struct narwhal_bytes name = {bytes + field->name_at, field->name_size};
	struct narwhal_bytes value = {bytes + field->value_at, field->value_size};

	if (name.size >= COUNT_OF(request_field_rules) ||
		request_field_rules[name.size].name == NULL ||
		!octet_named(name.data, request_field_rules[name.size].name, name.size))
		return NULL;
	return request_field_rules[name.size].rule(request, value, field->value_at);
}

/* What may be wrong with all of them together, the first to be told first. */
enum request_field_fault {
	REQUEST_FIELD_NO_HOST,
	REQUEST_FIELD_OLD_CODING,
	REQUEST_FIELD_TWO_FRAMINGS,
	REQUEST_FIELD_NO_LENGTH,
	REQUEST_FIELD_CODING,
	REQUEST_FIELD_EXPECTATION,
	REQUEST_FIELD_BODY,
};

static unsigned request_field_faults(const struct request *request,
	const struct request_limits *limits)
{
	bool old = request->minor == 0, coding = request->has_coding;

	return (unsigned)(!old && !request->has_host) << REQUEST_FIELD_NO_HOST |
	       (unsigned)(coding && old) << REQUEST_FIELD_OLD_CODING |
	       (unsigned)(coding && request->has_length) << REQUEST_FIELD_TWO_FRAMINGS |
	       (unsigned)(request->wants_length && !request->has_length)
		       << REQUEST_FIELD_NO_LENGTH |
	       (unsigned)request->other_coding << REQUEST_FIELD_CODING |
	       (unsigned)request->other_expectation << REQUEST_FIELD_EXPECTATION |
	       (unsigned)(request->content_length > limits->body) << REQUEST_FIELD_BODY;
}

static unsigned request_field_status(unsigned faults, const char **reason)
{
	static const struct {
		unsigned status;
		const char *reason;
	} rows[] = {
		[REQUEST_FIELD_NO_HOST] = {400, "no Host"},
		[REQUEST_FIELD_OLD_CODING] = {400, "Transfer-Encoding in HTTP/1.0"},
		[REQUEST_FIELD_TWO_FRAMINGS] = {400, "both Transfer-Encoding and Content-Length"},
		[REQUEST_FIELD_NO_LENGTH] = {411, "no Content-Length in HTTP/1.0"},
		[REQUEST_FIELD_CODING] = {501, "an unknown transfer coding"},
		[REQUEST_FIELD_EXPECTATION] = {417, "an unknown expectation"},
		[REQUEST_FIELD_BODY] = {413, "the body is too long"},
	};
	int first = __builtin_ctz(faults);

	*reason = rows[first].reason;
	return rows[first].status;
}

/*
 * RFC 9112 section 6.3 and 9.3. Without any framing there is no body, whatever the method; but in
 * HTTP/1.0 a client may have sent one up to its end, and another request is not to be read of it.
 */
unsigned request_field_settle(struct request *request, const struct request_limits *limits,
	const char **reason)
{
	unsigned faults = request_field_faults(request, limits);

	if (UNLIKELY(faults != 0))
		return request_field_status(faults, reason);
	if (request->chunked)
		request->framing = REQUEST_BODY_CHUNKED;
	else if (request->content_length > 0)
		request->framing = REQUEST_BODY_SIZED;
	request->keep_alive = !request->close && (request->minor > 0 || request->persist);
	request->expect_continue &= request->minor > 0 && request->framing != REQUEST_BODY_NONE;
	return 0;
}
