/* Runs of octets: the ways that take eight at once find what one after the other finds. */
#include "tests/unit/unit.h"

#include <string.h>

#include "service/octet.h"

#define SIZE 40

/* Every octet at every place of a run, behind and before plain ones. */
static void a_run_of_text_ends_where_it_ends_octet_by_octet(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		for (size_t place = 0; place < SIZE; place++) {
			char bytes[SIZE];

			memset(bytes, place % 2 == 0 ? 'a' : '\xc3', sizeof(bytes));
			bytes[place] = (char)octet;
			assert_int_equal(octet_span_text(bytes, 0, SIZE),
				octet_span(bytes, 0, SIZE, OCTET_TEXT));
			assert_int_equal(octet_span_text(bytes, 3, place), place > 3 ? place : 3);
		}
	}
}

/* What is found is the first, whatever stands behind it. */
static void of_two_controls_the_first_ends_a_run_of_text(void **state)
{
	static const char octets[] = {'\0', '\t', '\r', '\x1f', '\x7f', ' ', '\x80', '\xff'};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(octets) * COUNT_OF(octets); i++) {
		for (size_t place = 0; place + 2 < SIZE; place++) {
			char bytes[SIZE];

			memset(bytes, ' ', sizeof(bytes));
			bytes[place] = octets[i % COUNT_OF(octets)];
			bytes[place + 1] = octets[i / COUNT_OF(octets)];
			assert_int_equal(octet_span_text(bytes, 0, SIZE),
				octet_span(bytes, 0, SIZE, OCTET_TEXT));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_of_text_ends_where_it_ends_octet_by_octet),
		cmocka_unit_test(of_two_controls_the_first_ends_a_run_of_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
