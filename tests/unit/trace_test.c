/* Request ids and traces. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "service/trace.h"

#define ID "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static struct narwhal_bytes bytes_of(const char *text)
{
	return (struct narwhal_bytes){text, strlen(text)};
}

static void a_traceparent_of_version_00_has_its_trace_id(void **state)
{
	static const char *const good[] = {
		"00-" ID "-" PARENT "-01",
		"00-" ID "-" PARENT "-00",
		"00-" ID "-" PARENT "-ff",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct narwhal_bytes id = trace_id(bytes_of(good[i]));

		assert_int_equal(id.size, TRACE_ID_SIZE);
		assert_memory_equal(id.data, ID, TRACE_ID_SIZE);
	}
}

static void a_malformed_traceparent_is_as_none(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		"01-" ID "-" PARENT "-01",
		"ff-" ID "-" PARENT "-01",
		"0-" ID "-" PARENT "-01",
		"00-" ID "-" PARENT "-0",
		"00-" ID "-" PARENT "-011",
		"00-" ID "-" PARENT "-01-",
		"00-" ID "-" PARENT "-01-more",
		"00-" ID "-" PARENT "-0A",
		"00-" ID "-" PARENT "-0g",
		"00_" ID "-" PARENT "-01",
		"00-" ID "_" PARENT "-01",
		"00-" ID "-" PARENT "_01",
		"00-0AF7651916cd43dd8448eb211c80319c-" PARENT "-01",
		"00-0af7651916cd43dd8448eb211c80319-" PARENT "-001",
		"00-" ID "-B7ad6b7169203331-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" ID "-0000000000000000-01",
		" 00-" ID "-" PARENT "-01",
		"00-" ID "-" PARENT "-01 ",
		"00-\xc3\xa9"
		"7651916cd43dd8448eb211c80319c0-" PARENT "-01",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(trace_id(bytes_of(bad[i])).size, 0);
		assert_null(trace_id(bytes_of(bad[i])).data);
	}
	assert_int_equal(trace_id((struct narwhal_bytes){NULL, 0}).size, 0);
}

static void a_request_id_is_visible_short_and_one(void **state)
{
	static const char *const good[] = {"a", ID, "7b2a3f1e-5c4d-4e6f-8a9b-0c1d2e3f4a5b",
		"Root=1-67891233-abcdef012345678912345678;Self=2", "req:42/7+x@y~z", "<x>"};
	static const char *const bad[] = {"", " ", "a b", "a\tb", "a,b", "a\"b", "a\\b", "\xc3\xa9",
		"a\n", "\x7f"};
	char longest[TRACE_REQUEST_ID_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(trace_is_request_id(bytes_of(good[i])));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(trace_is_request_id(bytes_of(bad[i])));
	assert_false(trace_is_request_id((struct narwhal_bytes){"a\0b", 3}));
	assert_false(trace_is_request_id((struct narwhal_bytes){NULL, 0}));
	memset(longest, 'x', sizeof(longest));
	assert_true(trace_is_request_id((struct narwhal_bytes){longest, sizeof(longest) - 1}));
	assert_false(trace_is_request_id((struct narwhal_bytes){longest, sizeof(longest)}));
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, TRACE_ID_SIZE);
}

static void made_ids_are_hexadecimal_and_all_different(void **state)
{
	enum { COUNT = 20000 };
	struct trace_source source = {{1, 2, 3, 4}};
	char(*ids)[TRACE_ID_SIZE] = calloc(COUNT, sizeof(*ids));

	(void)state;
	assert_non_null(ids);
	for (size_t i = 0; i < COUNT; i++) {
		trace_make_id(&source, ids[i]);
		for (size_t j = 0; j < TRACE_ID_SIZE; j++)
			assert_non_null(memchr("0123456789abcdef", ids[i][j], 16));
	}
	qsort(ids, COUNT, sizeof(*ids), compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_true(compare(ids[i - 1], ids[i]) != 0);
	free(ids);
}

static void the_generator_is_the_published_one(void **state)
{
	/* The first four outputs of xoshiro256++ from this state, as its authors' code gives them.
	 */
	static const uint64_t known[] = {41943041, 58720359, 3588806011781223, 3591011842654386};
	struct trace_source source = {{1, 2, 3, 4}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(known); i += 2) {
		char id[TRACE_ID_SIZE];

		trace_make_id(&source, id);
		for (size_t j = 0; j < TRACE_ID_SIZE; j++) {
			uint64_t digit = known[i + j / 16] >> 4 * (j % 16) & 15;

			assert_int_equal(id[j], "0123456789abcdef"[digit]);
		}
	}
}

static void two_seeds_give_two_streams(void **state)
{
	struct trace_source one = {{1, 2, 3, 4}}, other = {{1, 2, 3, 5}};
	char a[TRACE_ID_SIZE], b[TRACE_ID_SIZE];

	(void)state;
	trace_make_id(&one, a);
	trace_make_id(&other, b);
	assert_memory_not_equal(a, b, TRACE_ID_SIZE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_traceparent_of_version_00_has_its_trace_id),
		cmocka_unit_test(a_malformed_traceparent_is_as_none),
		cmocka_unit_test(a_request_id_is_visible_short_and_one),
		cmocka_unit_test(made_ids_are_hexadecimal_and_all_different),
		cmocka_unit_test(the_generator_is_the_published_one),
		cmocka_unit_test(two_seeds_give_two_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
