/* What a buffer's room costs: base/buffer.h. */
#include "base/buffer.h"

#include <stdint.h>

#include "tests/unit/unit.h"

static void room_for_what_is_known_to_come_is_no_larger(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	assert_int_equal(buffer_add(&buffer, "head", 4), 0);
	assert_int_equal(buffer_reserve_exactly(&buffer, (size_t)1024 * 1024), 0);
	assert_int_equal(buffer.size, 1024 * 1024 + 4);
	assert_memory_equal(buffer.bytes, "head", 4);
	buffer_free(&buffer);
}

static void what_grows_byte_by_byte_is_seldom_moved(void **state)
{
	struct buffer buffer = {0};
	size_t moves = 0;

	(void)state;
	for (size_t i = 0; i < 100000; i++) {
		size_t before = buffer.size;

		assert_int_equal(buffer_add(&buffer, "x", 1), 0);
		moves += buffer.size != before;
	}
	assert_int_equal(buffer.used, 100000);
	assert_in_range(moves, 1, 17);
	buffer_free(&buffer);
}

static void room_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	assert_int_equal(buffer_add(&buffer, "head", 4), 0);
	assert_int_not_equal(buffer_reserve(&buffer, SIZE_MAX - 2), 0);
	assert_int_not_equal(buffer_reserve_exactly(&buffer, SIZE_MAX - 2), 0);
	assert_int_equal(buffer.used, 4);
	assert_memory_equal(buffer.bytes, "head", 4);
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_for_what_is_known_to_come_is_no_larger),
		cmocka_unit_test(what_grows_byte_by_byte_is_seldom_moved),
		cmocka_unit_test(room_that_cannot_be_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
