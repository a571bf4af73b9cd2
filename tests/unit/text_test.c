/* Bounded text: what fits is there, what does not is remembered as cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void what_is_added_stands_there_with_a_nul(void **state)
{
	char bytes[32];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	assert_string_equal(bytes, "");
	text_add(&text, "ab");
	text_add_char(&text, 'c');
	text_add_bytes(&text, "defg", 2);
	text_add(&text, "");
	text_add_bytes(&text, NULL, 0);
	assert_string_equal(bytes, "abcde");
	assert_int_equal(text.used, 5);
	assert_false(text.cut);
}

static void what_does_not_fit_is_left_out_and_remembered(void **state)
{
	char bytes[8] = "1234567";
	struct text text = {.bytes = bytes, .size = 5};

	(void)state;
	text_add(&text, "abcd");
	assert_false(text.cut);
	text_add(&text, "");
	assert_false(text.cut);
	text_add_char(&text, 'e');
	assert_true(text.cut);
	assert_string_equal(bytes, "abcd");
	assert_int_equal(text.used, 4);
	assert_memory_equal(bytes + 5, "67", 3);

	text = (struct text){.bytes = bytes, .size = 5};
	text_add(&text, "abcdefgh");
	assert_string_equal(bytes, "abcd");
	assert_true(text.cut);
	text_add_uint(&text, 7);
	text_printf(&text, "%d", 7);
	assert_string_equal(bytes, "abcd");
	assert_memory_equal(bytes + 5, "67", 3);
}

static void a_text_of_one_byte_holds_nothing(void **state)
{
	char bytes[1];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	text_add_char(&text, 'a');
	text_printf(&text, "%s", "b");
	text_add_escaped(&text, "\n", 1, true);
	assert_string_equal(bytes, "");
	assert_true(text.cut);
}

static void numbers_are_decimal(void **state)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	text_add_uint(&text, 0);
	text_add_char(&text, ' ');
	text_add_uint(&text, UINT64_MAX);
	text_add_char(&text, ' ');
	text_add_int(&text, INT64_MIN);
	text_add_char(&text, ' ');
	text_add_int(&text, INT64_MAX);
	text_add_char(&text, ' ');
	text_add_int(&text, -1);
	text_add_char(&text, ' ');
	text_add_int(&text, 0);
	assert_string_equal(bytes, "0 18446744073709551615 -9223372036854775808 "
				   "9223372036854775807 -1 0");
}

static void padding_is_zeros_in_front_and_cuts_no_digit(void **state)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	text_add_padded(&text, 7, 3);
	text_add_char(&text, ' ');
	text_add_padded(&text, 1234, 3);
	text_add_char(&text, ' ');
	text_add_padded(&text, 0, 0);
	text_add_char(&text, ' ');
	text_add_padded(&text, 0, 2);
	text_add_char(&text, ' ');
	text_add_padded(&text, 5, 99);
	text_add_char(&text, ' ');
	text_add_padded(&text, UINT64_MAX, 20);
	assert_string_equal(bytes, "007 1234 0 00 00000000000000000005 18446744073709551615");
}

static void printf_goes_on_where_the_text_ends(void **state)
{
	char bytes[12];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	text_add(&text, "a=");
	text_printf(&text, "%d,%s", 42, "x");
	assert_string_equal(bytes, "a=42,x");
	text_printf(&text, "%s", "12345");
	assert_false(text.cut);
	assert_int_equal(text.used, 11);
	text_printf(&text, "%s", "");
	assert_false(text.cut);
	text_printf(&text, "%s", "6");
	assert_true(text.cut);
	assert_string_equal(bytes, "a=42,x12345");
}

static void no_byte_escapes_from_a_log_line(void **state)
{
	static const char nasty[] = "a\"b\\c\n\r\t\x1b[31m\x7f\x80\xff\0z ~";
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	text_add_escaped(&text, nasty, sizeof(nasty) - 1, false);
	assert_string_equal(bytes, "a\\\"b\\\\c\\x0a\\x0d\\x09\\x1b[31m\\x7f\\x80\\xff\\x00z ~");
	text = TEXT_OVER(bytes);
	text_add_escaped(&text, nasty, sizeof(nasty) - 1, true);
	assert_string_equal(bytes, "a\\\"b\\\\c\\u000a\\u000d\\u0009\\u001b[31m\\u007f"
				   "\\u0080\\u00ff\\u0000z ~");
}

static void a_number_is_digits_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int error;
		uint64_t value;
	} rows[] = {
		{"0", 0, 0, 0},
		{"1", 0, -ERANGE, 0},
		{"10", 5, -ERANGE, 0},
		{"5", 5, 0, 5},
		{"6", 5, -ERANGE, 0},
		{"007", 7, 0, 7},
		{"512", 512, 0, 512},
		{"513", 512, -ERANGE, 0},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -ERANGE, 0},
		{"18446744073709551614", UINT64_MAX - 1, 0, UINT64_MAX - 1},
		{"18446744073709551615", UINT64_MAX - 1, -ERANGE, 0},
		{"99999999999999999999999999", UINT64_MAX, -ERANGE, 0},
		{"00000000000000000000000000000001", UINT64_MAX, 0, 1},
		{"", 9, -EINVAL, 0},
		{"-1", 9, -EINVAL, 0},
		{"+1", 9, -EINVAL, 0},
		{" 1", 9, -EINVAL, 0},
		{"1 ", 9, -EINVAL, 0},
		{"0x1", 9, -EINVAL, 0},
		{"1e3", 9, -EINVAL, 0},
		{"1,5", 9, -EINVAL, 0},
		/* No number at all comes before too large a one. */
		{"99999999999999999999999999x", 9, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t value = 4711;
		int error = text_to_uint(rows[i].text, strlen(rows[i].text), rows[i].max, &value);

		if (error != rows[i].error || value != (error == 0 ? rows[i].value : 4711))
			fail_msg("\"%s\" gave %d and %llu", rows[i].text, error,
				(unsigned long long)value);
	}
	/* Not NUL-terminated: only `size` bytes are looked at. */
	assert_int_equal(text_to_uint("12x", 2, 99, &(uint64_t){0}), 0);
}

static void the_distance_counts_edits_and_a_swap_once(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{"", "", 0},
		{"a", "", 1},
		{"", "abc", 3},
		{"workers", "workers", 0},
		{"worker", "workers", 1},
		{"workres", "workers", 1},
		{"wrokers", "workers", 1},
		{"workars", "workers", 1},
		{"wxorkers", "workers", 1},
		{"kitten", "sitting", 3},
		{"ab", "ba", 1},
		{"abcd", "badc", 2},
		{"ca", "abc", 3}, /* optimal string alignment; Damerau's would be 2 */
		{"timeout", "bind", 6},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		unsigned there = text_distance(rows[i].a, rows[i].b, 99);

		if (there != rows[i].distance)
			fail_msg("%s, %s: %u", rows[i].a, rows[i].b, there);
		assert_int_equal(text_distance(rows[i].b, rows[i].a, 99), there);
	}
}

static void the_distance_stops_at_its_limit_and_at_long_names(void **state)
{
	char name[80], other[80];

	(void)state;
	assert_int_equal(text_distance("kitten", "sitting", 2), 2);
	assert_int_equal(text_distance("a", "a", 0), 0);
	for (size_t size = 60; size < sizeof(name); size++) {
		memset(name, 'a', size);
		memset(other, 'a', size);
		name[size] = other[size] = '\0';
		other[size / 2] = 'b';
		assert_int_equal(text_distance(name, other, 9), size <= 63 ? 1 : 9);
		assert_int_equal(text_distance(name, "", 9), 9);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_stands_there_with_a_nul),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_remembered),
		cmocka_unit_test(a_text_of_one_byte_holds_nothing),
		cmocka_unit_test(numbers_are_decimal),
		cmocka_unit_test(padding_is_zeros_in_front_and_cuts_no_digit),
		cmocka_unit_test(printf_goes_on_where_the_text_ends),
		cmocka_unit_test(no_byte_escapes_from_a_log_line),
		cmocka_unit_test(a_number_is_digits_and_nothing_else),
		cmocka_unit_test(the_distance_counts_edits_and_a_swap_once),
		cmocka_unit_test(the_distance_stops_at_its_limit_and_at_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
