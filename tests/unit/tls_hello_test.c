#include "service/tls_hello.h"

#include <string.h>

#include "tests/unit/unit.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static const char just_fits[] = "\x16\x03\x01\x40\x00\x01\x00\x40\x00\x03\x03";
static const char too_large[] = "\x16\x03\x01\x40\x00\x01\x00\x40\x01";

/* Given in pieces of each size. */
static bool exceeds(const char *bytes, size_t size)
{
	struct tls_hello whole = {0};
	bool outcome = tls_hello_exceeds(&whole, bytes, size);

	for (size_t piece = 1; piece < size; piece++) {
		struct tls_hello hello = {0};
		bool found = false;

		for (size_t at = 0; at < size && !found; at += piece)
			found = tls_hello_exceeds(&hello, bytes + at,
				size - at < piece ? size - at : piece);
		assert_int_equal(found, outcome);
	}
	return outcome;
}

static void the_largest_hello_fits_and_a_larger_one_does_not(UNUSED void **state)
{
	assert_false(exceeds(BYTES(just_fits)));
	assert_true(exceeds(BYTES(too_large)));
	assert_true(exceeds(BYTES("\x16\x03\x01\x00\x04\x01\x02\x00\x00")));
	assert_false(exceeds(too_large, sizeof(too_large) - 2));
}

static void its_head_may_lie_in_several_records(UNUSED void **state)
{
	assert_true(exceeds(BYTES("\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x02\x02\x00"
				  "\x16\x03\x01\x00\x01\x00")));
	assert_true(exceeds(BYTES("\x16\x03\x01\x00\x00\x16\x03\x01\x00\x04\x01\x02\x00\x00")));
}

static void a_second_hello_is_looked_at_behind_a_first_one(UNUSED void **state)
{
	/* As after a HelloRetryRequest; the change_cipher_spec's byte is no message. */
	assert_true(exceeds(BYTES("\x16\x03\x01\x00\x06\x01\x00\x00\x02xx"
				  "\x14\x03\x03\x00\x01\x01"
				  "\x16\x03\x03\x00\x04\x01\x00\x40\x01")));
}

static void what_is_no_hello_is_not_measured(UNUSED void **state)
{
	/* A key exchange of TLS 1.2, behind which comes what is encrypted. */
	assert_false(exceeds(BYTES("\x16\x03\x03\x00\x05\x10\x00\x00\x01x"
				   "\x16\x03\x03\x00\x04\x01\xff\xff\xff")));
	assert_false(exceeds(BYTES("\x17\x03\x03\x00\x04\x01\xff\xff\xff")));
	assert_false(exceeds(BYTES("GET / HTTP/1.1\r\n\r\n")));
	assert_false(exceeds(BYTES("")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_hello_fits_and_a_larger_one_does_not),
		cmocka_unit_test(its_head_may_lie_in_several_records),
		cmocka_unit_test(a_second_hello_is_looked_at_behind_a_first_one),
		cmocka_unit_test(what_is_no_hello_is_not_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
