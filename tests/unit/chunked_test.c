/*
 * The chunked coding: every case of chunked_cases.def at every split, each piece in memory of its
 * exact size; then mutations, and the bounds that are too long for a table.
 */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "service/chunked.h"

static const struct request_limits limits = {
	.line = 64,
	.fields = 8,
	.field_size = 64,
	.head = 256,
	.body = 20,
};

#define SUCCESSOR "5\r\nGET /next HTTP/1.1\r\n\r\n"

struct row {
	enum { ROW_RULE, ROW_CASE, ROW_END } kind;
	const char *section;
	const char *rule;
	const char *coding;
	size_t size;
	enum chunked_outcome outcome;
	unsigned status;
	const char *body;
	size_t body_size;
};

static const struct row rows[] = {
#define RULE(where, what) {.kind = ROW_RULE, .section = (where), .rule = (what)},
#define CASE(bytes, out, number, decoded)  \
	{.kind = ROW_CASE,                 \
		.coding = (bytes),         \
		.size = sizeof(bytes) - 1, \
		.outcome = (out),          \
		.status = (number),        \
		.body = (decoded),         \
		.body_size = sizeof(decoded) - 1},
#define TAKEN(bytes, decoded) CASE(bytes, CHUNKED_DONE, 0, decoded)
#define REFUSED(number, bytes) CASE(bytes, CHUNKED_REFUSED, number, "")
#define WAITS(bytes, decoded) CASE(bytes, CHUNKED_MORE, 0, decoded)
#include "tests/unit/chunked_cases.def"
#undef WAITS
#undef REFUSED
#undef TAKEN
#undef CASE
#undef RULE
	{.kind = ROW_END},
};

/* A body that is decoded piece by piece. */
struct decoding {
	const struct request_limits *limits;
	struct chunked chunked;
	enum chunked_outcome outcome;
	size_t consumed;
	char body[1024];
	size_t size;
};

static void decoding_start(struct decoding *decoding)
{
	*decoding = (struct decoding){.limits = &limits, .outcome = CHUNKED_MORE};
	chunked_reset(&decoding->chunked);
}

/* Decodes a copy of the piece that ends where its memory ends; what is behind must stay as it is.
 */
static void decoding_add(struct decoding *decoding, const char *piece, size_t size)
{
	struct chunked *chunked = &decoding->chunked;
	char *copy = malloc(size == 0 ? 1 : size);

	assert_non_null(copy);
	memcpy(copy, piece, size);
	decoding->outcome = chunked_decode(chunked, decoding->limits, copy, size);
	assert_true(chunked->produced <= chunked->consumed && chunked->consumed <= size);
	assert_memory_equal(copy + chunked->consumed, piece + chunked->consumed,
		size - chunked->consumed);
	if (decoding->outcome == CHUNKED_MORE)
		assert_int_equal(chunked->consumed, size);
	assert_true(decoding->size + chunked->produced <= sizeof(decoding->body));
	memcpy(decoding->body + decoding->size, copy, chunked->produced);
	decoding->size += chunked->produced;
	decoding->consumed += chunked->consumed;
	assert_int_equal(decoding->size, chunked->total);
	free(copy);
}

static void check_result(const struct row *row, const struct decoding *decoding)
{
	char bytes[512];
	struct text text = TEXT_OVER(bytes);
	const struct chunked *chunked = &decoding->chunked;

	text_add_escaped(&text, row->coding, row->size, false);
	if (decoding->outcome != row->outcome || chunked->status != row->status)
		print_message("# %s: %u %s\n", bytes, chunked->status,
			chunked->reason == NULL ? "" : chunked->reason);
	assert_int_equal(decoding->outcome, row->outcome);
	assert_int_equal(chunked->status, row->status);
	assert_int_equal(chunked->reason != NULL, row->outcome == CHUNKED_REFUSED);
	if (row->outcome == CHUNKED_REFUSED)
		return;
	assert_int_equal(decoding->consumed, row->size);
	assert_int_equal(decoding->size, row->body_size);
	assert_memory_equal(decoding->body, row->body, row->body_size);
}

static void check_row(const struct row *row)
{
	char both[1024];
	struct decoding decoding;

	decoding_start(&decoding);
	for (size_t at = 0; at < row->size && decoding.outcome == CHUNKED_MORE; at++)
		decoding_add(&decoding, row->coding + at, 1);
	check_result(row, &decoding);
	for (size_t split = 0; split <= row->size; split++) {
		decoding_start(&decoding);
		decoding_add(&decoding, row->coding, split);
		if (decoding.outcome == CHUNKED_MORE)
			decoding_add(&decoding, row->coding + split, row->size - split);
		check_result(row, &decoding);
	}
	if (row->outcome == CHUNKED_MORE)
		return;
	assert_true(row->size + sizeof(SUCCESSOR) <= sizeof(both));
	memcpy(both, row->coding, row->size);
	memcpy(both + row->size, SUCCESSOR, sizeof(SUCCESSOR));
	decoding_start(&decoding);
	decoding_add(&decoding, both, row->size + sizeof(SUCCESSOR) - 1);
	check_result(row, &decoding);
}

static void the_cases_of_a_rule(void **state)
{
	for (const struct row *row = (const struct row *)*state + 1; row->kind == ROW_CASE; row++)
		check_row(row);
}

static void the_outcome_stays_after_the_end(void **state)
{
	struct decoding decoding;

	(void)state;
	decoding_start(&decoding);
	decoding_add(&decoding, "0\r\n\r\n", 5);
	decoding_add(&decoding, "5\r\nhello\r\n", 10);
	assert_int_equal(decoding.outcome, CHUNKED_DONE);
	assert_int_equal(decoding.consumed, 5);
	decoding_start(&decoding);
	decoding_add(&decoding, "x", 1);
	decoding_add(&decoding, "0\r\n\r\n", 5);
	assert_int_equal(decoding.outcome, CHUNKED_REFUSED);
}

/* One long extension, or one in each of many chunks: both stop at the same total. */
static void extensions_are_bounded_over_the_whole_body(void **state)
{
	struct decoding decoding;
	size_t at;

	(void)state;
	decoding_start(&decoding);
	decoding_add(&decoding, "1;a", 3);
	for (at = 2; at < CHUNKED_EXTENSIONS_MAX; at++)
		decoding_add(&decoding, "a", 1);
	assert_int_equal(decoding.outcome, CHUNKED_MORE);
	decoding_add(&decoding, "a", 1);
	assert_int_equal(decoding.outcome, CHUNKED_REFUSED);
	assert_int_equal(decoding.chunked.status, 400);

	decoding_start(&decoding);
	for (at = 0; at < 10; at++) {
		decoding_add(&decoding, "1", 1);
		for (size_t i = 0; i < 512 && decoding.outcome == CHUNKED_MORE; i++)
			decoding_add(&decoding, ";a", 2);
		if (decoding.outcome != CHUNKED_MORE)
			break;
		decoding_add(&decoding, "\r\nx\r\n", 5);
	}
	assert_int_equal(at, 4);
	assert_int_equal(decoding.chunked.status, 400);
}

/* xorshift64: the same mutations in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void mutate(char *bytes, size_t size, uint64_t *seed)
{
	static const char likely[] = "\r\n\r\n\r\n 0012af;=\"\\:\t\0_-+x\177\240";
	size_t edits = 1 + next_random(seed) % 3;

	for (size_t i = 0; i < edits; i++) {
		size_t at = next_random(seed) % size;
		char octet = likely[next_random(seed) % (sizeof(likely) - 1)];

		if (next_random(seed) % 3 == 0) {
			memmove(bytes + at, bytes + at + 1, size - at - 1);
			bytes[size - 1] = octet;
		} else {
			bytes[at] = octet;
		}
	}
}

static void compare_splits(const char *bytes, size_t size, uint64_t *seed)
{
	struct decoding whole, pieces;
	size_t at = 0;

	decoding_start(&whole);
	decoding_add(&whole, bytes, size);
	decoding_start(&pieces);
	while (at < size && pieces.outcome == CHUNKED_MORE) {
		size_t piece = 1 + next_random(seed) % 12;

		piece = piece < size - at ? piece : size - at;
		decoding_add(&pieces, bytes + at, piece);
		at += piece;
	}
	assert_int_equal(whole.outcome, pieces.outcome);
	assert_int_equal(whole.chunked.status, pieces.chunked.status);
	assert_ptr_equal(whole.chunked.reason, pieces.chunked.reason);
	if (whole.outcome != CHUNKED_REFUSED)
		assert_int_equal(whole.consumed, pieces.consumed);
	assert_int_equal(whole.size, pieces.size);
	assert_memory_equal(whole.body, pieces.body, whole.size);
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
			memcpy(bytes, row->coding, row->size);
			mutate(bytes, row->size, &seed);
			compare_splits(bytes, row->size, &seed);
		}
	}
}

static void every_name_of_the_table_is_kept_out_of_trailers(void **state)
{
	static const char *const names[] = {
#define FIELD(name, rule) name,
#define UNTRAILED(name) name,
#include "service/fields.def"
#undef UNTRAILED
#undef FIELD
	};
	char line[64];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct decoding decoding;

		(void)snprintf(line, sizeof(line), "0\r\n%s:\r\n", names[i]);
		decoding_start(&decoding);
		for (size_t at = 0; line[at] != '\0'; at++)
			decoding_add(&decoding, line + at, 1);
		assert_int_equal(decoding.outcome, CHUNKED_REFUSED);
		assert_int_equal(decoding.chunked.status, 400);
	}
}

static void with_header_map_refuse_a_trailer_name_has_no_underscore(void **state)
{
	struct request_limits mapped = limits;
	struct decoding decoding;

	(void)state;
	mapped.refuse_underscore = true;
	decoding_start(&decoding);
	decoding.limits = &mapped;
	decoding_add(&decoding, "0\r\nX-Y: a_b\r\nX_Y: a\r", 20);
	assert_int_equal(decoding.outcome, CHUNKED_MORE);
	decoding_add(&decoding, "\n", 1);
	assert_int_equal(decoding.outcome, CHUNKED_REFUSED);
	assert_int_equal(decoding.chunked.status, 400);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(the_outcome_stays_after_the_end),
		cmocka_unit_test(extensions_are_bounded_over_the_whole_body),
		cmocka_unit_test(every_name_of_the_table_is_kept_out_of_trailers),
		cmocka_unit_test(with_header_map_refuse_a_trailer_name_has_no_underscore),
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
	return _cmocka_run_group_tests("chunked", tests, n + COUNT_OF(others), NULL, NULL);
}
