#include "tests/fuzz/lib/head.h"

#include <stdlib.h>
#include <string.h>

const struct request_limits *fuzz_limits(uint64_t seed)
{
	static const struct request_limits limits[] = {
		{.line = 64, .fields = 8, .field_size = 64, .head = 256, .body = 1000},
		{.line = 4094, .fields = 100, .field_size = 8190, .head = 32768, .body = 1 << 24},
		{.line = 200,
			.fields = 8,
			.field_size = 200,
			.head = 512,
			.body = 1000,
			.refuse_underscore = true},
	};

	return &limits[seed % COUNT_OF(limits)];
}

struct request *fuzz_request(const struct request_limits *limits)
{
	struct request *request = malloc(request_size(limits));

	MUST(request != NULL);
	request_reset(request);
	return request;
}

static bool span_same(struct request_span a, struct request_span b)
{
	return a.at == b.at && a.size == b.size;
}

static bool spans_same(const struct request *a, const struct request *b)
{
	return span_same(a->method, b->method) && span_same(a->target, b->target) &&
	       span_same(a->path, b->path) && span_same(a->query, b->query) &&
	       span_same(a->host, b->host);
}

bool fuzz_request_same(const struct request *a, const struct request *b)
{
	if (a->outcome != b->outcome || a->status != b->status || a->reason != b->reason)
		return false;
	if (a->outcome != REQUEST_COMPLETE)
		return true;
	return spans_same(a, b) && a->head_size == b->head_size && a->minor == b->minor &&
	       a->head == b->head && a->keep_alive == b->keep_alive &&
	       a->expect_continue == b->expect_continue && a->framing == b->framing &&
	       a->content_length == b->content_length && a->field_count == b->field_count &&
	       memcmp(a->fields, b->fields, a->field_count * sizeof(*a->fields)) == 0;
}
