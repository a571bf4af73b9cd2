/* The PROXY protocol: every case of proxy_protocol_cases.def at every split; then mutations. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "service/proxy_protocol.h"

#define SUCCESSOR "GET / HTTP/1.1\r\n\r\n"

struct row {
	const char *rule; /* or NULL: a case */
	enum proxy_protocol wanted;
	enum proxy_protocol_outcome outcome;
	const char *bytes;
	size_t size;
	const char *peer; /* NULL: not told */
};

static const struct row rows[] = {
#define RULE(section, what) {.rule = section ": " what},
#define CASE(version, text, out, who)            \
	{.wanted = PROXY_PROTOCOL_##version,     \
		.outcome = PROXY_PROTOCOL_##out, \
		.bytes = (text),                 \
		.size = sizeof(text) - 1,        \
		.peer = (who)},
#define TOLD(version, bytes, peer) CASE(version, bytes, PRESENT, peer)
#define UNTOLD(version, bytes) CASE(version, bytes, PRESENT, NULL)
#define REFUSED(version, bytes) CASE(version, bytes, REFUSED, NULL)
#define ABSENT(version, bytes) CASE(version, bytes, ABSENT, NULL)
#define WAITS(version, bytes) CASE(version, bytes, MORE, NULL)
#include "tests/unit/proxy_protocol_cases.def"
#undef WAITS
#undef ABSENT
#undef REFUSED
#undef UNTOLD
#undef TOLD
#undef CASE
#undef RULE
};

/* As of memory of the exact size, so that a sanitizer sees a byte too much. */
static enum proxy_protocol_outcome read_exactly(const struct row *row, const char *bytes,
	size_t size, struct proxy_header *header)
{
	char *copy = malloc(size != 0 ? size : 1);
	enum proxy_protocol_outcome outcome;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	outcome = proxy_protocol_read(row->wanted, copy, size, header);
	free(copy);
	return outcome;
}

/* The outcome when one byte after the other comes. */
static enum proxy_protocol_outcome read_bytewise(const struct row *row, const char *bytes,
	size_t size, struct proxy_header *header)
{
	for (size_t i = 0; i <= size; i++) {
		enum proxy_protocol_outcome outcome = read_exactly(row, bytes, i, header);

		if (outcome != PROXY_PROTOCOL_MORE)
			return outcome;
	}
	return PROXY_PROTOCOL_MORE;
}

static void check(const struct row *row, enum proxy_protocol_outcome outcome,
	const struct proxy_header *header)
{
	char peer[PEER_TEXT_MAX];

	if (outcome != row->outcome)
		print_error("outcome %d of: %s\n", (int)outcome, row->bytes);
	assert_int_equal(outcome, row->outcome);
	assert_int_equal(header->reason != NULL, outcome == PROXY_PROTOCOL_REFUSED);
	if (outcome != PROXY_PROTOCOL_PRESENT)
		return;
	assert_int_equal(header->size, row->size);
	assert_int_equal(header->told, row->peer != NULL);
	if (row->peer != NULL)
		assert_string_equal(peer_print(&header->source, peer), row->peer);
}

static void every_case_has_its_outcome_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		char longer[512];
		size_t size = row->size + sizeof(SUCCESSOR) - 1;
		struct proxy_header header;

		if (row->rule != NULL)
			continue;
		check(row, read_exactly(row, row->bytes, row->size, &header), &header);
		check(row, read_bytewise(row, row->bytes, row->size, &header), &header);
		if (row->outcome == PROXY_PROTOCOL_MORE)
			continue;
		assert_in_range(size, 0, sizeof(longer));
		memcpy(mempcpy(longer, row->bytes, row->size), SUCCESSOR, sizeof(SUCCESSOR) - 1);
		check(row, read_exactly(row, longer, size, &header), &header);
		check(row, read_bytewise(row, longer, size, &header), &header);
	}
}

static void a_header_of_the_largest_size_is_taken(void **state)
{
	static const char head[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf0\xc0\0\x02\x01";
	const struct row row = {.wanted = PROXY_PROTOCOL_V2};
	char bytes[PROXY_PROTOCOL_MAX] = {0};
	struct proxy_header header;

	(void)state;
	memcpy(bytes, head, sizeof(head) - 1);
	assert_int_equal(read_exactly(&row, bytes, sizeof(bytes) - 1, &header),
		PROXY_PROTOCOL_MORE);
	assert_int_equal(read_exactly(&row, bytes, sizeof(bytes), &header), PROXY_PROTOCOL_PRESENT);
	assert_int_equal(header.size, sizeof(bytes));
}

/* Whatever the bytes: what is decided stays decided when more come, and is the same bytewise. */
static void no_mutation_is_read_in_two_ways(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		for (size_t i = 0; i < COUNT_OF(rows); i++) {
			const struct row *row = &rows[i];
			struct proxy_header whole = {0}, bytewise = {0};
			char bytes[512];

			if (row->size == 0)
				continue;
			memcpy(bytes, row->bytes, row->size);
			bytes[(size_t)rand_r(&seed) % row->size] ^= (char)(1u << rand_r(&seed) % 8);
			assert_int_equal(read_exactly(row, bytes, row->size, &whole),
				read_bytewise(row, bytes, row->size, &bytewise));
			assert_int_equal(whole.told, bytewise.told);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_has_its_outcome_at_every_split),
		cmocka_unit_test(a_header_of_the_largest_size_is_taken),
		cmocka_unit_test(no_mutation_is_read_in_two_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
