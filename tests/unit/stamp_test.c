#include "tests/unit/unit.h"

#include <string.h>

#include "service/stamp.h"

static const char *more_of(struct stamp *stamp, uint64_t now_ms)
{
	struct narwhal_bytes bytes = stamp_at(stamp, now_ms);

	assert_int_equal(strlen(bytes.data), bytes.size);
	assert_memory_equal(bytes.data, STAMP_STATUS STAMP_SERVER,
		sizeof(STAMP_STATUS STAMP_SERVER) - 1);
	assert_in_range(bytes.size, STAMP_SIZE, STAMP_SIZE + STAMP_MORE_MAX);
	return bytes.data + STAMP_SIZE;
}

static void unless_asked_it_ends_with_the_date(void **state)
{
	struct stamp stamp = {0};

	(void)state;
	assert_string_equal(more_of(&stamp, 1000), "");
	assert_string_equal(more_of(&stamp, 3000), "");
}

static void a_generation_is_told_from_the_next_answer_on(void **state)
{
	struct stamp stamp = {0};

	(void)state;
	assert_string_equal(more_of(&stamp, 1000), "");
	stamp_tell_generation(&stamp, 3);
	assert_string_equal(more_of(&stamp, 1000),
		"Server-Timing: generation;desc=\"3\", version;desc=\"" NARWHAL_VERSION "\"\r\n");
	stamp_tell_generation(&stamp, UINT64_MAX);
	assert_non_null(strstr(more_of(&stamp, 1000), "\"18446744073709551615\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unless_asked_it_ends_with_the_date),
		cmocka_unit_test(a_generation_is_told_from_the_next_answer_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
