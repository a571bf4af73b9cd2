/*
 * The head of a request: every case of request_cases.def at every split, each in memory of exact
 * size that moves between the calls, so that a sanitizer sees any look too far; then mutations.
 */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "service/request.h"

static const struct request_limits limits = {
	.line = 64,
	.fields = 8,
	.field_size = 64,
	.head = 256,
	.body = 1000,
};

static const struct request_limits mapped = {
	.line = 64,
	.fields = 8,
	.field_size = 64,
	.head = 256,
	.body = 1000,
	.refuse_underscore = true,
};

static const struct request_limits roomy = {
	.line = 4094,
	.fields = 100,
	.field_size = 8190,
	.head = 32768,
	.body = 1 << 24,
};

#define SUCCESSOR "GET /next HTTP/1.1\r\nHost: next\r\n\r\n"

struct row {
	enum { ROW_RULE, ROW_CASE, ROW_END } kind;
	const char *section;
	const char *rule;
	const struct request_limits *under; /* of a rule: its cases are parsed under these */
	const char *head;
	size_t size;
	enum request_outcome outcome;
	unsigned status;
	const char *understood;
};

static const struct row rows[] = {
#define RULE_UNDER(these, where, what) \
	{.kind = ROW_RULE, .section = (where), .rule = (what), .under = &(these)},
#define RULE(where, what) RULE_UNDER(limits, where, what)
#define CASE(bytes, out, number, text)     \
	{.kind = ROW_CASE,                 \
		.head = (bytes),           \
		.size = sizeof(bytes) - 1, \
		.outcome = (out),          \
		.status = (number),        \
		.understood = (text)},
#define TAKEN(bytes, text) CASE(bytes, REQUEST_COMPLETE, 0, text)
#define REFUSED(number, bytes) CASE(bytes, REQUEST_REFUSED, number, NULL)
#define WAITS(bytes) CASE(bytes, REQUEST_INCOMPLETE, 0, NULL)
#include "tests/unit/request_cases.def"
#undef WAITS
#undef REFUSED
#undef TAKEN
#undef CASE
#undef RULE
#undef RULE_UNDER
	{.kind = ROW_END},
};

static struct request *request_new(const struct request_limits *under)
{
	struct request *request = malloc(request_size(under));

	assert_non_null(request);
	request_reset(request);
	return request;
}

/* Parses a copy of `size` bytes that ends where its memory ends. */
static enum request_outcome parse_copy(struct request *request, const struct request_limits *under,
	const char *bytes, size_t size)
{
	char *copy = malloc(size == 0 ? 1 : size);
	enum request_outcome outcome;

	assert_non_null(copy);
	if (size > 0)
		memcpy(copy, bytes, size);
	outcome = request_parse(request, under, copy, size);
	free(copy);
	return outcome;
}

static void add_span(struct text *text, const char *bytes, struct request_span span)
{
	if (span.size == 0)
		text_add_char(text, '-');
	text_add_bytes(text, bytes + span.at, span.size);
}

static void understood(const struct request *request, const char *bytes, struct text *text)
{
	static const char *const framings[] = {"none", "sized:", "chunked"};

	add_span(text, bytes, request->method);
	text_add_char(text, ' ');
	add_span(text, bytes, request->path);
	if (request->query.size > 0) {
		text_add_char(text, '?');
		add_span(text, bytes, request->query);
	}
	text_add_char(text, ' ');
	text_add_uint(text, request->minor);
	text_add_char(text, ' ');
	add_span(text, bytes, request->host);
	text_add_char(text, ' ');
	text_add(text, framings[request->framing]);
	if (request->framing == REQUEST_BODY_SIZED)
		text_add_uint(text, request->content_length);
	text_add_char(text, ' ');
	text_add_uint(text, request->field_count);
	text_add(text, request->keep_alive ? "" : " close");
	text_add(text, request->expect_continue ? " 100" : "");
}

static void check_result(const struct row *row, const struct request *request,
	enum request_outcome outcome)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	text_add_escaped(&text, row->head, row->size, false);
	if (outcome != row->outcome || request->status != row->status)
		print_message("# %s: %u %s\n", bytes, request->status,
			request->reason == NULL ? "" : request->reason);
	assert_int_equal(outcome, row->outcome);
	assert_int_equal(request->status, row->status);
	assert_int_equal(request->reason != NULL, outcome == REQUEST_REFUSED);
	if (outcome != REQUEST_COMPLETE)
		return;
	assert_int_equal(request->head_size, row->size);
	text = TEXT_OVER(bytes);
	understood(request, row->head, &text);
	assert_string_equal(bytes, row->understood);
	assert_int_equal(request->head, memcmp(row->head, "HEAD ", 5) == 0);
}

static void check_byte_by_byte(const struct row *row, const struct request_limits *under,
	struct request *request)
{
	enum request_outcome outcome = REQUEST_INCOMPLETE;

	request_reset(request);
	for (size_t size = 0; size <= row->size; size++) {
		enum request_outcome now = parse_copy(request, under, row->head, size);

		assert_true(outcome != REQUEST_COMPLETE && (outcome == now || outcome == 0));
		outcome = now;
	}
	check_result(row, request, outcome);
}

static void check_with_successor(const struct row *row, const struct request_limits *under,
	struct request *request)
{
	char both[1024];

	assert_true(row->size + sizeof(SUCCESSOR) <= sizeof(both));
	memcpy(both, row->head, row->size);
	memcpy(both + row->size, SUCCESSOR, sizeof(SUCCESSOR));
	request_reset(request);
	check_result(row, request,
		parse_copy(request, under, both, row->size + sizeof(SUCCESSOR) - 1));
}

static void check_row(const struct row *row, const struct request_limits *under)
{
	struct request *request = request_new(under);

	check_result(row, request, parse_copy(request, under, row->head, row->size));
	check_byte_by_byte(row, under, request);
	for (size_t split = 0; split <= row->size; split++) {
		request_reset(request);
		(void)parse_copy(request, under, row->head, split);
		check_result(row, request, parse_copy(request, under, row->head, row->size));
	}
	if (row->outcome != REQUEST_INCOMPLETE)
		check_with_successor(row, under, request);
	free(request);
}

static void the_cases_of_a_rule(void **state)
{
	const struct row *rule = *state;

	for (const struct row *row = rule + 1; row->kind == ROW_CASE; row++)
		check_row(row, rule->under);
}

static void fields_are_found_by_name_in_any_case(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nX~: b\r\nx-one:\t1 2 \r\n"
				   "X_One: bad\r\nX-ONE: 3\r\nX:\r\n\r\n";
	struct request *request = request_new(&limits);
	const struct request_field *field;

	(void)state;
	assert_int_equal(request_parse(request, &limits, head, sizeof(head) - 1), REQUEST_COMPLETE);
	assert_int_equal(request->field_count, 5);
	assert_null(request_field(request, head, "x^", 2));
	field = request_field(request, head, "x-one", 5);
	assert_ptr_equal(field, &request->fields[2]);
	assert_int_equal(field->value_size, 3);
	assert_memory_equal(head + field->value_at, "1 2", 3);
	assert_memory_equal(head + field->name_at, "x-one", field->name_size);
	field = request_field(request, head, "x", 1);
	assert_non_null(field);
	assert_int_equal(field->value_size, 0);
	assert_null(request_field(request, head, "x_one", 5));
	assert_null(request_field(request, head, "x-on", 4));
	free(request);
}

/* Where the head's limit is the lower one, it is told as what was being read. */
static void a_head_limit_within_the_request_line_is_414(void **state)
{
	static const struct request_limits small = {.line = 100,
		.fields = 8,
		.field_size = 100,
		.head = 80,
		.body = 0};
	struct request *request = request_new(&small);
	char bytes[100];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, "GET /", 5);
	assert_int_equal(parse_copy(request, &small, bytes, 79), REQUEST_INCOMPLETE);
	assert_int_equal(parse_copy(request, &small, bytes, 80), REQUEST_REFUSED);
	assert_int_equal(request->status, 414);
	request_reset(request);
	memcpy(bytes, "GET / HTTP/1.1\r\n", 16);
	assert_int_equal(parse_copy(request, &small, bytes, 79), REQUEST_INCOMPLETE);
	assert_int_equal(parse_copy(request, &small, bytes, 80), REQUEST_REFUSED);
	assert_int_equal(request->status, 431);
	free(request);
}

static void a_tls_hello_is_named_in_the_reason(void **state)
{
	struct request *request = request_new(&limits);

	(void)state;
	assert_int_equal(request_parse(request, &limits, "\026", 1), REQUEST_REFUSED);
	assert_non_null(strstr(request->reason, "TLS"));
	free(request);
}

/* What cannot become a request is not kept waiting: the outcome comes with the last byte here. */
static void garbage_is_refused_at_its_first_wrong_byte(void **state)
{
	static const struct {
		const char *bytes;
		unsigned status;
	} garbage[] = {
		{"{", 400},
		{"GET\r", 400},
		{"GET  ", 400},
		{"GET /\r", 400},
		{"GET / F", 400},
		{"GET / HTTP/1.1\n", 400},
		{"GET / HTTP/2.0\r\n", 505},
		{"GET x HTTP/1.1\r\n", 400},
		{"GET / HTTP/1.1\r\n ", 400},
		{"GET / HTTP/1.1\r\n:", 400},
		{"GET / HTTP/1.1\r\nA ", 400},
		{"GET / HTTP/1.1\r\nA: \001", 400},
		{"GET / HTTP/1.1\r\nHost: a/b\r\n", 400},
	};
	struct request *request = request_new(&limits);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(garbage); i++) {
		size_t size = strlen(garbage[i].bytes);

		request_reset(request);
		assert_int_equal(parse_copy(request, &limits, garbage[i].bytes, size - 1),
			REQUEST_INCOMPLETE);
		assert_int_equal(parse_copy(request, &limits, garbage[i].bytes, size),
			REQUEST_REFUSED);
		assert_int_equal(request->status, garbage[i].status);
	}
	free(request);
}

static void a_list_gives_its_elements_without_blanks_and_empty_ones(void **state)
{
	struct narwhal_bytes list = {" , a ,,b c\t,\td", 14}, element;

	(void)state;
	assert_true(field_list_next(&list, &element));
	assert_true(field_is(element, "a"));
	assert_true(field_list_next(&list, &element));
	assert_true(field_is(element, "b c"));
	assert_true(field_list_next(&list, &element));
	assert_true(field_is(element, "d"));
	assert_false(field_list_next(&list, &element));
}

/* xorshift64: the same mutations in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static size_t mutate(char *bytes, size_t size, uint64_t *seed)
{
	static const char likely[] = "\r\n\r\n\r\n :,;\t\0_/?#%[]01aZ\177\200\377";
	size_t edits = 1 + next_random(seed) % 4;

	for (size_t i = 0; i < edits; i++) {
		size_t at = next_random(seed) % size;
		size_t other = next_random(seed) % size;
		char octet = likely[next_random(seed) % (sizeof(likely) - 1)];

		switch (next_random(seed) % 4) {
		case 0:
			bytes[at] = octet;
			break;
		case 1:
			bytes[at] = (char)next_random(seed);
			break;
		case 2:
			memmove(bytes + at, bytes + at + 1, size - at - 1);
			bytes[size - 1] = octet;
			break;
		default:
			bytes[at] = bytes[other];
		}
	}
	return size;
}

static void compare_splits(const char *bytes, size_t size, const struct request_limits *under,
	uint64_t *seed)
{
	struct request *whole = request_new(under), *pieces = request_new(under);
	enum request_outcome outcome = parse_copy(whole, under, bytes, size);
	enum request_outcome other = REQUEST_INCOMPLETE;
	size_t at = 0;

	while (at < size && other == REQUEST_INCOMPLETE) {
		at += 1 + next_random(seed) % 24;
		at = at < size ? at : size;
		other = parse_copy(pieces, under, bytes, at);
	}
	assert_int_equal(outcome, other);
	assert_int_equal(whole->status, pieces->status);
	assert_ptr_equal(whole->reason, pieces->reason);
	if (outcome == REQUEST_COMPLETE) {
		char one[512], two[512];
		struct text first = TEXT_OVER(one), second = TEXT_OVER(two);

		understood(whole, bytes, &first);
		understood(pieces, bytes, &second);
		assert_string_equal(one, two);
		assert_int_equal(whole->head_size, pieces->head_size);
		assert_memory_equal(whole->fields, pieces->fields,
			whole->field_count * sizeof(struct request_field));
	}
	free(whole);
	free(pieces);
}

static void mutations_mean_the_same_at_every_split(void **state)
{
	uint64_t seed = 9112;
	char bytes[1024];

	(void)state;
	for (int round = 0; round < 500; round++) {
		for (const struct row *row = rows; row->kind != ROW_END; row++) {
			if (row->kind != ROW_CASE || row->size == 0)
				continue;
			memcpy(bytes, row->head, row->size);
			compare_splits(bytes, mutate(bytes, row->size, &seed),
				round % 2 == 0 ? &limits : &roomy, &seed);
		}
	}
}

static void another_reset_makes_it_ready_for_the_next_head(void **state)
{
	static const char two[] = "POST /1 HTTP/1.0\r\nContent-Length: 0\r\n\r\n" SUCCESSOR;
	struct request *request = request_new(&limits);
	char bytes[128];
	struct text text = TEXT_OVER(bytes);
	size_t first;

	(void)state;
	assert_int_equal(request_parse(request, &limits, two, sizeof(two) - 1), REQUEST_COMPLETE);
	first = request->head_size;
	request_reset(request);
	assert_int_equal(request_parse(request, &limits, two + first, sizeof(two) - 1 - first),
		REQUEST_COMPLETE);
	understood(request, two + first, &text);
	assert_string_equal(bytes, "GET /next 1 next none 1");
	free(request);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(fields_are_found_by_name_in_any_case),
		cmocka_unit_test(a_head_limit_within_the_request_line_is_414),
		cmocka_unit_test(a_tls_hello_is_named_in_the_reason),
		cmocka_unit_test(garbage_is_refused_at_its_first_wrong_byte),
		cmocka_unit_test(a_list_gives_its_elements_without_blanks_and_empty_ones),
		cmocka_unit_test(another_reset_makes_it_ready_for_the_next_head),
		cmocka_unit_test(mutations_mean_the_same_at_every_split),
	};
	static struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(others)];
	static char names[COUNT_OF(rows)][160];
	static struct row rules[COUNT_OF(rows)];
	size_t n = 0;

	memcpy(rules, rows, sizeof(rows));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].kind != ROW_RULE)
			continue;
		(void)snprintf(names[i], sizeof(names[i]), "RFC %s: %s", rows[i].section,
			rows[i].rule);
		tests[n++] = (struct CMUnitTest){.name = names[i],
			.test_func = the_cases_of_a_rule,
			.initial_state = &rules[i]};
	}
	memcpy(tests + n, others, sizeof(others));
	return _cmocka_run_group_tests("request", tests, n + COUNT_OF(others), NULL, NULL);
}
