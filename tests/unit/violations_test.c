#include "tests/unit/unit.h"

#include <limits.h>

#include "init/violations.h"

static void a_call_is_news_once_for_each_generation(void **state)
{
	struct violations v = {0};

	(void)state;
	assert_true(violations_add(&v, 1, 165));
	assert_false(violations_add(&v, 1, 165));
	assert_true(violations_add(&v, 1, 0));
	assert_true(violations_add(&v, 2, 165));
	assert_false(violations_add(&v, 1, 165));
	assert_false(violations_add(&v, 2, 165));
}

/* While workers of an old generation leave, new ones come. */
static void the_latest_generations_are_remembered_and_older_ones_say_nothing_new(void **state)
{
	struct violations v = {0};
	uint64_t last = 3 * VIOLATIONS_GENERATIONS;

	(void)state;
	for (uint64_t generation = 1; generation <= last; generation++)
		assert_true(violations_add(&v, generation, 1));
	for (uint64_t generation = 1; generation <= last; generation++)
		assert_false(violations_add(&v, generation, 1));
	assert_false(violations_add(&v, last - VIOLATIONS_GENERATIONS, 2));
	assert_true(violations_add(&v, last - VIOLATIONS_GENERATIONS + 1, 2));
}

static void every_number_is_one_of_its_own_and_strange_ones_are_one(void **state)
{
	static const int strange[] = {VIOLATIONS_NUMBERS - 1, VIOLATIONS_NUMBERS, 0x40000000,
		INT_MAX, -1, INT_MIN};
	struct violations v = {0};

	(void)state;
	for (int number = 0; number < VIOLATIONS_NUMBERS - 1; number++)
		assert_true(violations_add(&v, 1, number));
	assert_true(violations_add(&v, 1, strange[0]));
	for (size_t i = 0; i < COUNT_OF(strange); i++)
		assert_false(violations_add(&v, 1, strange[i]));
}

static void what_was_ever_made_is_known_of_every_generation(void **state)
{
	struct violations v = {0};

	(void)state;
	assert_false(violations_has(&v, 63));
	for (uint64_t generation = 9; generation > 0; generation--)
		(void)!violations_add(&v, generation, 60 + (int)generation);
	assert_false(violations_has(&v, 60));
	for (int number = 61; number < 70; number++)
		assert_true(violations_has(&v, number));
	assert_false(violations_has(&v, 70));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_news_once_for_each_generation),
		cmocka_unit_test(
			the_latest_generations_are_remembered_and_older_ones_say_nothing_new),
		cmocka_unit_test(every_number_is_one_of_its_own_and_strange_ones_are_one),
		cmocka_unit_test(what_was_ever_made_is_known_of_every_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
