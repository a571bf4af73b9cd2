#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "init/signal_name.h"

static int number_of(const char *name)
{
	int number = -1;
	int error = signal_name_read(name, strlen(name), &number);

	return error == 0 ? number : error;
}

static void a_signal_is_known_by_name_and_number_in_any_case(void **state)
{
	static const struct {
		const char *name;
		int number;
	} cases[] = {
		{"TERM", SIGTERM},
		{"SIGTERM", SIGTERM},
		{"sigterm", SIGTERM},
		{"Term", SIGTERM},
		{"15", 15},
		{"1", SIGHUP},
		{"31", SIGSYS},
		{"34", 34},
		{"64", 64},
		{"CLD", SIGCHLD},
		{"IO", SIGPOLL},
		{"POLL", SIGPOLL},
		{"SIGIOT", SIGABRT},
		{"STKFLT", SIGSTKFLT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(number_of(cases[i].name), cases[i].number);
}

static void a_real_time_signal_is_known_by_its_distance(void **state)
{
	(void)state;
	assert_int_equal(number_of("RTMIN"), SIGRTMIN);
	assert_int_equal(number_of("RTMIN+0"), SIGRTMIN);
	assert_int_equal(number_of("SIGRTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(number_of("rtmax"), SIGRTMAX);
	assert_int_equal(number_of("RTMAX-1"), SIGRTMAX - 1);
	assert_int_equal(number_of("RTMIN+30"), SIGRTMAX);
}

static void what_is_no_signal_is_refused(void **state)
{
	static const char *const wrong[] = {"", "0", "65", "32", "33", "-1", "TERMS", "TER", "SIG",
		"SIG15", "SIGSIGTERM", " TERM", "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMAX-31",
		"RTMIN+", "RTMINx", "RTMIN+x", "RTMIN3", "99999999999999999999", "1.5"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(number_of(wrong[i]), -EINVAL);
}

static void only_the_bytes_given_count(void **state)
{
	int number = 0;

	(void)state;
	assert_int_equal(signal_name_read("TERM:QUIT", 4, &number), 0);
	assert_int_equal(number, SIGTERM);
	assert_int_equal(signal_name_read("150", 2, &number), 0);
	assert_int_equal(number, 15);
	assert_int_equal(signal_name_read("RTMIN+12", 7, &number), 0);
	assert_int_equal(number, SIGRTMIN + 1);
}

static void a_name_that_is_written_is_read_back(void **state)
{
	(void)state;
	for (int number = 1; number <= SIGRTMAX; number++) {
		char bytes[16];
		struct text text = TEXT_OVER(bytes);

		if (number > SIGSYS && number < SIGRTMIN)
			continue;
		signal_name_add(number, &text);
		assert_int_equal(number_of(bytes), number);
	}
}

static void what_has_no_name_is_written_as_its_number(void **state)
{
	char bytes[16];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	signal_name_add(0, &text);
	assert_string_equal(bytes, "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_is_known_by_name_and_number_in_any_case),
		cmocka_unit_test(a_real_time_signal_is_known_by_its_distance),
		cmocka_unit_test(what_is_no_signal_is_refused),
		cmocka_unit_test(only_the_bytes_given_count),
		cmocka_unit_test(a_name_that_is_written_is_read_back),
		cmocka_unit_test(what_has_no_name_is_written_as_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
