/*
 * The head of a request, whole: what is understood of any bytes lies within them, obeys the limits
 * and fits together; what is refused has a status and a reason; and nothing behind a head counts.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/head.h"

static bool inside(size_t at, size_t size, size_t begin, size_t end)
{
	return at >= begin && at + size <= end;
}

static bool span_inside(struct request_span span, struct request_span outer)
{
	return inside(span.at, span.size, outer.at, outer.at + (size_t)outer.size);
}

static void check_target(const struct request *request)
{
	MUST(request->method.size > 0 && request->method.size <= REQUEST_METHOD_MAX);
	MUST(request->target.at == request->method.at + request->method.size + 1);
	MUST(request->target.size > 0);
	MUST(span_inside(request->path, request->target) && request->path.size > 0);
	MUST(request->query.size == 0 || span_inside(request->query, request->target));
	MUST(request->host.size > 0 || request->minor == 0);
}

static void check_fields(const struct request *request, const struct request_limits *limits,
	const char *bytes)
{
	MUST(request->field_count <= limits->fields);
	for (size_t i = 0; i < request->field_count; i++) {
		const struct request_field *field = &request->fields[i];
		size_t value_end = field->value_at + (size_t)field->value_size;

		MUST(field->name_size > 0);
		MUST(bytes[field->name_at + field->name_size] == ':');
		MUST(memchr(bytes + field->name_at, '_', field->name_size) == NULL);
		MUST(field->value_at > field->name_at + field->name_size);
		MUST(value_end - field->name_at <= limits->field_size);
		MUST(inside(field->value_at, field->value_size, 0, request->head_size - 4u));
		MUST(request_field(request, bytes, bytes + field->name_at, field->name_size) <=
			field);
	}
}

static void check_framing(const struct request *request, const struct request_limits *limits)
{
	MUST(request->framing != REQUEST_BODY_SIZED ||
		(request->content_length > 0 && request->content_length <= limits->body));
	MUST(request->framing != REQUEST_BODY_CHUNKED || request->minor == 1);
	MUST(!request->expect_continue || request->framing != REQUEST_BODY_NONE);
}

static void check_complete(const struct request *request, const struct request_limits *limits,
	const char *bytes, size_t size)
{
	MUST(request->head_size <= size && request->head_size <= limits->head);
	MUST(memcmp(bytes + request->head_size - 4, "\r\n\r\n", 4) == 0);
	check_target(request);
	check_fields(request, limits, bytes);
	check_framing(request, limits);
}

/* The head alone means what it meant with more behind it. */
static void check_alone(const struct request *request, const struct request_limits *limits,
	const char *bytes)
{
	struct request *alone = fuzz_request(limits);
	char *copy = fuzz_copy(bytes, request->head_size);

	MUST(request_parse(alone, limits, copy, request->head_size) == REQUEST_COMPLETE);
	MUST(fuzz_request_same(alone, request));
	free(copy);
	free(alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct request_limits *limits = fuzz_limits(fuzz_seed(data, size));
	struct request *request = fuzz_request(limits);
	char *bytes = fuzz_copy(data, size);

	switch (request_parse(request, limits, bytes, size)) {
	case REQUEST_INCOMPLETE:
		MUST(size < limits->head && request->reason == NULL);
		break;
	case REQUEST_REFUSED:
		MUST(request->reason != NULL && request->status >= 400 && request->status <= 505);
		break;
	case REQUEST_COMPLETE:
		check_complete(request, limits, bytes, size);
		check_alone(request, limits, bytes);
	}
	free(bytes);
	free(request);
	return 0;
}
