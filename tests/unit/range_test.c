/* RFC 9110 section 14: what a Range field asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "service/apps/range.h"

/* "whole", "416", or the parts as "0-4 7-9"; the value in memory of its exact size. */
static const char *read_text(const char *value, uint64_t length)
{
	static char text[1024];
	size_t size = strlen(value), used = 0;
	char *exact = test_malloc(size + 1);
	struct ranges ranges;
	enum range_outcome outcome;

	memcpy(exact, value, size);
	exact[size] = '9';
	outcome = range_read(&ranges, exact, size, length);
	test_free(exact);
	text[0] = '\0';
	switch (outcome) {
	case RANGE_WHOLE:
		return "whole";
	case RANGE_UNSATISFIABLE:
		return "416";
	case RANGE_PARTS:
		break;
	}
	for (size_t i = 0; i < ranges.count; i++) {
		const struct range *part = &ranges.parts[i];

		assert_true(part->first <= part->last && part->last < length);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%ju-%ju",
			i != 0 ? " " : "", (uintmax_t)part->first, (uintmax_t)part->last);
	}
	return text;
}

struct row {
	uint64_t length;
	const char *value, *parts;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *parts = read_text(rows[i].value, rows[i].length);

		if (strcmp(parts, rows[i].parts) != 0)
			fail_msg("\"%s\" of %ju gave %s", rows[i].value, (uintmax_t)rows[i].length,
				parts);
	}
}

static void each_form_gives_its_bytes(void **state)
{
	static const struct row rows[] = {
		{1000, "bytes=0-499", "0-499"},
		{1000, "bytes=500-999", "500-999"},
		{1000, "bytes=-500", "500-999"},
		{1000, "bytes=500-", "500-999"},
		{1000, "bytes=0-0", "0-0"},
		{1000, "bytes=999-", "999-999"},
		{1000, "bytes=0-", "0-999"},
		{1000, "BYTES=1-2", "1-2"},
		{1000, "bytes=007-08", "7-8"},
		{1, "bytes=0-0", "0-0"},
		{UINT64_MAX, "bytes=0-", "0-18446744073709551614"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void what_is_past_the_end_is_cut_off(void **state)
{
	static const struct row rows[] = {
		{10, "bytes=5-10", "5-9"},
		{10, "bytes=5-99999999999999999999999999", "5-9"},
		{10, "bytes=-10", "0-9"},
		{10, "bytes=-11", "0-9"},
		{10, "bytes=-18446744073709551615", "0-9"},
		{10, "bytes=-99999999999999999999999999", "0-9"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void what_has_no_byte_of_the_file_is_unsatisfiable(void **state)
{
	static const struct row rows[] = {
		{10, "bytes=10-", "416"},
		{10, "bytes=10-20", "416"},
		{10, "bytes=-0", "416"},
		{10, "bytes=18446744073709551615-", "416"},
		{10, "bytes=99999999999999999999999-99999999999999999999999", "416"},
		{10, "bytes=10-,-0,11-12", "416"},
		{0, "bytes=0-", "416"},
		{0, "bytes=0-0", "416"},
		{0, "bytes=-0", "416"},
		/* The last byte of nothing is all of it; there is no way to say which. */
		{0, "bytes=-1", "whole"},
		/* What can be satisfied is enough. */
		{10, "bytes=10-,3-4", "3-4"},
		{10, "bytes=-0,3-4", "3-4"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void what_is_no_range_asks_for_all(void **state)
{
	static const char *const values[] = {"", "bytes", "bytes=", "bytes =0-1",
		"bytes= ", "bytes=,", "bytes=,,", "bytes=0", "bytes=-", "bytes=--1", "bytes=1-0",
		"bytes=0-1-2", "bytes=a-1", "bytes=0-b", "bytes=0x0-1", "bytes=+0-1", "bytes=0 - 1",
		"bytes=0- 1", "bytes=0-1;2-3", "bytes=0-1 2-3", "bytes=0-1,x", "bytes=x,0-1",
		"bytes=0-1,5-4", "octets=0-1", "bytes:0-1", "0-1", "bytes=0-1\x01", "byte=0-1",
		"bytess=0-1", "bytes==0-1", "bytes=1.0-2"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++)
		check(&(struct row){10, values[i], "whole"}, 1);
}

static void several_ranges_come_in_the_order_that_was_asked_for(void **state)
{
	static const struct row rows[] = {
		{1000, "bytes=0-9,20-29", "0-9 20-29"},
		{1000, "bytes=20-29,0-9", "20-29 0-9"},
		{1000, "bytes=0-0,-1", "0-0 999-999"},
		{1000, "bytes=0-9 ,\t20-29", "0-9 20-29"},
		{1000, "bytes=,0-9,,20-29,", "0-9 20-29"},
		{1000, "bytes= 0-9,20-29", "0-9 20-29"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void ranges_that_overlap_or_touch_become_one(void **state)
{
	static const struct row rows[] = {
		{1000, "bytes=0-9,5-14", "0-14"},
		{1000, "bytes=5-14,0-9", "0-14"},
		{1000, "bytes=0-9,10-19", "0-19"},
		{1000, "bytes=10-19,0-9", "0-19"},
		{1000, "bytes=0-9,11-19", "0-9 11-19"},
		{1000, "bytes=0-9,20-29,5-24", "0-29"},
		{1000, "bytes=0-9,40-49,20-29,8-21", "0-29 40-49"},
		{1000, "bytes=40-49,0-9,20-29,8-41", "0-49"},
		{1000, "bytes=0-,-1,5-6", "0-999"},
		{1000, "bytes=3-3,3-3,3-3", "3-3"},
		{UINT64_MAX, "bytes=18446744073709551614-,0-0",
			"18446744073709551614-18446744073709551614 0-0"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void whoever_asks_for_too_many_gets_all(void **state)
{
	char value[512] = "bytes=0-0";
	char parts[512] = "0-0";

	(void)state;
	for (unsigned i = 1; i < RANGE_MAX; i++) {
		(void)snprintf(value + strlen(value), 16, ",%u-%u", 2 * i, 2 * i);
		(void)snprintf(parts + strlen(parts), 16, " %u-%u", 2 * i, 2 * i);
	}
	assert_string_equal(read_text(value, 1000), parts);
	strcat(value, ",0-0");
	assert_string_equal(read_text(value, 1000), "whole");
}

/* Against the plainest way to say it: one bit for each byte. */
static void any_set_of_ranges_gives_each_byte_once(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char value[128] = "bytes=";
		uint64_t wanted = 0, given = 0;
		struct ranges ranges;

		for (int i = 0; i < 6; i++) {
			unsigned first = (random = random * 1664525 + 1013904223) >> 26;
			unsigned last = first + ((random = random * 1664525 + 1013904223) >> 29);

			(void)snprintf(value + strlen(value), 16, "%s%u-%u", i != 0 ? "," : "",
				first, last);
			for (unsigned at = first; at <= last && at < 64; at++)
				wanted |= (uint64_t)1 << at;
		}
		assert_int_equal(range_read(&ranges, value, strlen(value), 64), RANGE_PARTS);
		for (size_t i = 0; i < ranges.count; i++) {
			uint64_t first = ranges.parts[i].first, last = ranges.parts[i].last;

			for (uint64_t at = first; at <= last; at++) {
				assert_true((given & (uint64_t)1 << at) == 0);
				given |= (uint64_t)1 << at;
			}
		}
		assert_true(given == wanted);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_gives_its_bytes),
		cmocka_unit_test(what_is_past_the_end_is_cut_off),
		cmocka_unit_test(what_has_no_byte_of_the_file_is_unsatisfiable),
		cmocka_unit_test(what_is_no_range_asks_for_all),
		cmocka_unit_test(several_ranges_come_in_the_order_that_was_asked_for),
		cmocka_unit_test(ranges_that_overlap_or_touch_become_one),
		cmocka_unit_test(whoever_asks_for_too_many_gets_all),
		cmocka_unit_test(any_set_of_ranges_gives_each_byte_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
