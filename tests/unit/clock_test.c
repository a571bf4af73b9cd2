/* Times, as they are written and read. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void a_timeout_is_what_epoll_wait_takes(void **state)
{
	(void)state;
	assert_int_equal(clock_timeout(CLOCK_NEVER, 5), -1);
	assert_int_equal(clock_timeout(5, 5), 0);
	assert_int_equal(clock_timeout(4, 5), 0);
	assert_int_equal(clock_timeout(0, UINT64_MAX), 0);
	assert_int_equal(clock_timeout(6, 5), 1);
	assert_int_equal(clock_timeout(UINT64_MAX - 1, 5), INT_MAX);
	assert_int_equal(clock_timeout((uint64_t)INT_MAX + 5, 5), INT_MAX);
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
	uint64_t before = clock_ms();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_ms();

		assert_true(now >= before);
		before = now;
	}
}

static void the_wall_clock_is_of_this_age(void **state)
{
	(void)state;
	assert_true(clock_wall_ms() / 1000 - (int64_t)time(NULL) <= 1);
	assert_true((int64_t)time(NULL) - clock_wall_ms() / 1000 <= 1);
}

static void a_log_time_is_rfc_3339_in_utc(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1, "1970-01-01T00:00:00.001Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-1000, "1969-12-31T23:59:59.000Z"},
		{-1001, "1969-12-31T23:59:58.999Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{1795175400123, "2026-11-20T11:50:00.123Z"},
		{4107542399999, "2100-02-28T23:59:59.999Z"},
		{4107542400000, "2100-03-01T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[64];
		struct text text = TEXT_OVER(bytes);

		clock_add_rfc3339(&text, rows[i].ms);
		assert_string_equal(bytes, rows[i].text);
	}
}

static void an_http_date_is_the_fixed_form_of_29_bytes(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
		{784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
		{1795175400, "Fri, 20 Nov 2026 11:50:00 GMT"},
		{-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
		{-2203891200, "Thu, 01 Mar 1900 00:00:00 GMT"},
		{-2203891201, "Wed, 28 Feb 1900 23:59:59 GMT"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
		{4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
		{2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
		{253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[64];
		struct text text = TEXT_OVER(bytes);
		int64_t back = 0;

		clock_add_http_date(&text, rows[i].seconds);
		assert_string_equal(bytes, rows[i].text);
		assert_int_equal(text.used, CLOCK_HTTP_DATE_SIZE);
		assert_int_equal(clock_from_http_date(bytes, text.used, &back), 0);
		assert_true(back == rows[i].seconds);
	}
}

/* Against the C library's calendar, every day of three centuries and a bit. */
static void every_day_is_what_gmtime_says(void **state)
{
	(void)state;
	for (int64_t day = -25567; day < 4 * 25567; day++) {
		time_t seconds = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;
		char ours[64], theirs[64];
		struct text text = TEXT_OVER(ours);
		struct tm tm;

		clock_add_http_date(&text, seconds);
		(void)strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT",
			gmtime_r(&seconds, &tm));
		assert_string_equal(ours, theirs);
	}
}

static int read_date(const char *date, int64_t *seconds)
{
	return clock_from_http_date(date, strlen(date), seconds);
}

static void all_three_forms_of_a_date_are_read(void **state)
{
	static const struct {
		const char *date;
		int64_t seconds;
	} rows[] = {
		/* The examples of RFC 9110 section 5.6.7. */
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
		{"Sun Nov  6 08:49:37 1994", 784111777}, {"Sun Nov 16 08:49:37 1994", 784975777},
		{"Wed, 01 Mar 2000 00:00:00 GMT", 951868800},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
		{"Tuesday, 29-Feb-00 00:00:00 GMT", 951782400},
		{"Thu Feb 29 00:00:00 2024", 1709164800}, {"Thursday, 01-Jan-70 00:00:00 GMT", 0},
		{"Tuesday, 31-Dec-69 23:59:59 GMT", 3155759999},
		{"Wed, 31 Dec 1969 23:59:59 GMT", -1},
		{"Mon, 01 Jan 1900 00:00:00 GMT", -2208988800},
		{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
		{"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* no Monday; nobody minds */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = 0;

		if (read_date(rows[i].date, &seconds) != 0 || seconds != rows[i].seconds)
			fail_msg("%s: %lld", rows[i].date, (long long)seconds);
	}
}

static void what_is_no_date_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"0",
		"784111777",
		"now",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		" Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 +0000",
		"Sun, 06 Nov 1994 08:49:37 gmt",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun,  6 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 Nox 1994 08:49:37 GMT",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun, 06 Nov 1994 8:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 32 Dec 1994 08:49:37 GMT",
		"Thu, 29 Feb 1900 00:00:00 GMT",
		"Mon, 29 Feb 2100 00:00:00 GMT",
		"Sun, 29 Feb 2023 00:00:00 GMT",
		"Sunday, 29-Feb-99 00:00:00 GMT",
		"Wed Feb 30 00:00:00 2000",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun Nov 06 08:49:37 94",
		"Sun Nov  6 08:49:37 1994 GMT",
		", 06 Nov 1994 08:49:37 GMT",
		"06 Nov 1994 08:49:37 GMT",
		"1994-11-06T08:49:37Z",
		"Sun, 06 Nov",
		"Sun, 06 No",
		"Sun, -6 Nov 1994 08:49:37 GMT",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t seconds = 4711;

		if (read_date(rows[i], &seconds) != -EINVAL || seconds != 4711)
			fail_msg("\"%s\" was read", rows[i]);
	}
}

static void no_byte_behind_a_date_is_read(void **state)
{
	static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	int64_t seconds;

	(void)state;
	for (size_t size = 0; size < sizeof(date) - 1; size++) {
		char *exact = test_malloc(size + 1);

		memcpy(exact, date, size);
		assert_int_equal(clock_from_http_date(exact, size, &seconds), -EINVAL);
		test_free(exact);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timeout_is_what_epoll_wait_takes),
		cmocka_unit_test(the_monotonic_clock_does_not_go_back),
		cmocka_unit_test(the_wall_clock_is_of_this_age),
		cmocka_unit_test(a_log_time_is_rfc_3339_in_utc),
		cmocka_unit_test(an_http_date_is_the_fixed_form_of_29_bytes),
		cmocka_unit_test(every_day_is_what_gmtime_says),
		cmocka_unit_test(all_three_forms_of_a_date_are_read),
		cmocka_unit_test(what_is_no_date_is_refused),
		cmocka_unit_test(no_byte_behind_a_date_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
