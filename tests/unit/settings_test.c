#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/settings.h"

static const struct setting *named(const char *name)
{
	const struct setting *row = setting_named(name, strlen(name));

	assert_non_null(row);
	return row;
}

static int read_into(struct settings *settings, const char *name, const char *value, char *said)
{
	struct text why = {.bytes = said, .size = 256};

	said[0] = '\0';
	return setting_read(named(name), value, false, settings, &why);
}

static void assert_refused(const char *name, const char *value, int error, const char *reason)
{
	struct settings settings;
	char said[256];

	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(read_into(&settings, name, value, said), error);
	assert_string_equal(said, reason);
	settings_free(&settings);
}

static void every_row_has_a_default_within_its_bounds(void **state)
{
	struct settings settings;

	(void)state;
	assert_int_equal(settings_init(&settings), 0);
	assert_string_equal(settings.bind, "127.0.0.1:8000");
	assert_int_equal(settings.workers, 1);
	assert_int_equal(settings.timeout, 30000);
	assert_int_equal(settings.idle_grace, 250);
	assert_int_equal(settings.limit_request_head, 32768);
	assert_int_equal(settings.loglevel, 1);
	assert_null(settings.user);
	settings_free(&settings);
}

static void a_short_flag_belongs_to_one_row(void **state)
{
	bool taken[256] = {false};

	(void)state;
	for (size_t i = 0; i < SETTINGS; i++) {
		unsigned char flag = (unsigned char)settings_table[i].flag;

		assert_true(flag == 0 || !taken[flag]);
		taken[flag] = true;
	}
}

static void a_row_knows_its_section(void **state)
{
	(void)state;
	assert_string_equal(setting_section(named("bind"))->name, "arbiter");
	assert_string_equal(setting_section(named("worker_image"))->name, "arbiter");
	assert_string_equal(setting_section(named("timeout"))->name, "lifecycle");
	assert_string_equal(setting_section(named("log_format"))->name, "log");
}

static void a_name_is_found_with_either_dash(void **state)
{
	(void)state;
	assert_ptr_equal(named("graceful-timeout"), named("graceful_timeout"));
	assert_null(setting_named("graceful", strlen("graceful")));
	assert_null(setting_named("graceful_timeouts", strlen("graceful_timeouts")));
	assert_null(setting_named("", 0));
	assert_ptr_equal(setting_named("workers=4", strlen("workers")), named("workers"));
}

static const struct {
	const char *text;
	uint64_t ms;
} durations[] = {
	{"30", 30000},
	{"0.5", 500},
	{"500ms", 500},
	{"30s", 30000},
	{"2m", 120000},
	{"1h", 3600000},
	{"1.5h", 5400000},
	{"0.0015m", 90},
	{"0.2500000000000s", 250},
	{"0", 0},
	{"24H", 86400000},
	{"86400.000", 86400000},
};

static void a_duration_is_exact_in_every_unit(void **state)
{
	struct settings settings;
	char said[256];

	(void)state;
	assert_int_equal(settings_init(&settings), 0);
	for (size_t i = 0; i < COUNT_OF(durations); i++) {
		assert_int_equal(read_into(&settings, "timeout", durations[i].text, said), 0);
		assert_int_equal(settings.timeout, durations[i].ms);
	}
	settings_free(&settings);
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const wrong[] = {"", "s", "1.", ".5", "-1", "+1", " 1", "1 s", "1e3",
		"1.5.5", "5d", "0x10"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_refused("timeout", wrong[i], -EINVAL,
			"is not a duration (as in 30, 0.5, 500ms, 30s, 2m, 1h): "
			"allowed are 0s to 86400s");
	assert_refused("timeout", "0.0005", -EINVAL,
		"is finer than a millisecond: allowed are 0s to 86400s");
	assert_refused("timeout", "1.5ms", -EINVAL,
		"is finer than a millisecond: allowed are 0s to 86400s");
	assert_refused("timeout", "24.1h", -ERANGE, "is out of range: allowed are 0s to 86400s");
	assert_refused("timeout", "99999999999999999999999", -ERANGE,
		"is out of range: allowed are 0s to 86400s");
	assert_refused("head_timeout", "0", -ERANGE, "is out of range: allowed are 1ms to 3600s");
}

static void a_size_has_units_of_1024(void **state)
{
	struct settings settings;
	char said[256];

	(void)state;
	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(read_into(&settings, "limit_request_body", "3k", said), 0);
	assert_int_equal(settings.limit_request_body, 3072);
	assert_int_equal(read_into(&settings, "limit_request_body", "1024G", said), 0);
	assert_int_equal(settings.limit_request_body, 1099511627776);
	assert_int_equal(read_into(&settings, "limit_request_body", "0", said), 0);
	assert_int_equal(settings.limit_request_body, 0);
	settings_free(&settings);
	assert_refused("limit_request_body", "1025g", -ERANGE,
		"is out of range: allowed are 0 to 1024g");
	assert_refused("limit_request_line", "1kb", -EINVAL,
		"is not a size (as in 512, 8k, 16m, 1g): allowed are 64 to 16k");
	assert_refused("limit_request_line", "18014398509481984k", -ERANGE,
		"is out of range: allowed are 64 to 16k");
}

static void a_count_outside_its_bounds_is_refused_with_them(void **state)
{
	(void)state;
	assert_refused("workers", "x4", -EINVAL, "is not a number: allowed are auto, 1 to 512");
	assert_refused("workers", "0", -ERANGE, "is out of range: allowed are auto, 1 to 512");
	assert_refused("workers", "513", -ERANGE, "is out of range: allowed are auto, 1 to 512");
	assert_refused("workers", "Auto", -EINVAL, "is not a number: allowed are auto, 1 to 512");
	assert_refused("backlog", "auto", -EINVAL, "is not a number: allowed are 1 to 65535");
	assert_refused("workers", "", -EINVAL, "is not a number: allowed are auto, 1 to 512");
}

static void a_choice_is_one_of_its_words(void **state)
{
	struct settings settings;
	char said[256];

	(void)state;
	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(read_into(&settings, "loglevel", "error", said), 0);
	assert_int_equal(settings.loglevel, 3);
	settings_free(&settings);
	assert_refused("loglevel", "inf", -EINVAL,
		"is unknown: allowed are debug, info, warning, error");
	assert_refused("loglevel", "debug|info", -EINVAL,
		"is unknown: allowed are debug, info, warning, error");
}

static void a_switch_has_eight_words(void **state)
{
	struct setting row = {.name = "x", .type = SETTING_SWITCH};
	struct settings settings = {0};
	char said[256], written[8];
	struct text why = TEXT_OVER(said), text = TEXT_OVER(written);

	(void)state;
	row.offset = offsetof(struct settings, workers); /* any bytes will do */
	assert_int_equal(setting_read(&row, "yes", false, &settings, &why), 0);
	setting_write(&row, &settings, &text);
	assert_string_equal(written, "true");
	assert_int_equal(setting_read(&row, "0", false, &settings, &why), 0);
	setting_write(&row, &settings, &text);
	assert_string_equal(written, "truefal"); /* the text is full, and not beyond */
	assert_int_equal(setting_read(&row, "maybe", false, &settings, &why), -EINVAL);
	assert_string_equal(said, "is neither yes nor no: allowed are "
				  "true, false, on, off, yes, no, 1, 0");
}

static void a_list_grows_or_is_replaced(void **state)
{
	struct settings settings;
	char said[256];
	struct text why = TEXT_OVER(said);
	const struct setting *bind = named("bind");

	(void)state;
	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(setting_read(bind, "a, b", false, &settings, &why), 0);
	assert_string_equal(settings.bind, "a,b");
	assert_int_equal(setting_read(bind, "\tunix:/x y ", true, &settings, &why), 0);
	assert_string_equal(settings.bind, "a,b,unix:/x y");
	assert_int_equal(setting_read(bind, "", true, &settings, &why), 0);
	assert_string_equal(settings.bind, "a,b,unix:/x y");
	assert_int_equal(setting_read(bind, "c,,d", true, &settings, &why), -EINVAL);
	assert_string_equal(said, "has an empty item: allowed are items with commas between");
	assert_string_equal(settings.bind, "a,b,unix:/x y");
	assert_int_equal(setting_read(bind, "", false, &settings, &why), 0);
	assert_null(settings.bind);
	assert_int_equal(setting_read(bind, "z", true, &settings, &why), 0);
	assert_string_equal(settings.bind, "z");
	settings_free(&settings);
}

static void items_are_walked_one_by_one(void **state)
{
	const char *at = "a, bc";
	size_t size;

	(void)state;
	assert_memory_equal(setting_item(&at, &size), "a", 1);
	assert_int_equal(size, 1);
	assert_memory_equal(setting_item(&at, &size), "bc", 2);
	assert_int_equal(size, 2);
	assert_null(setting_item(&at, &size));
	assert_null(setting_item(&at, &size));
}

static const struct {
	const char *name, *value, *written;
} trips[] = {
	{"workers", "007", "7"},
	{"workers", "auto", "auto"},
	{"backlog", "007", "7"},
	{"timeout", "90", "90s"},
	{"timeout", "1.25", "1250ms"},
	{"timeout", "0", "0s"},
	{"limit_request_body", "4094", "4094"},
	{"limit_request_body", "32768", "32k"},
	{"limit_request_body", "0", "0"},
	{"limit_request_body", "3g", "3g"},
	{"loglevel", "warning", "warning"},
	{"pidfile", "/run/ä\n\"x\"", "/run/ä\n\"x\""},
	{"pidfile", "", ""},
	{"bind", ":80,[::]:80", ":80,[::]:80"},
};

static void what_is_written_reads_back_the_same(void **state)
{
	struct settings settings;
	char said[256], first[256], second[256];

	(void)state;
	assert_int_equal(settings_init(&settings), 0);
	for (size_t i = 0; i < COUNT_OF(trips); i++) {
		struct text one = TEXT_OVER(first), two = TEXT_OVER(second);

		assert_int_equal(read_into(&settings, trips[i].name, trips[i].value, said), 0);
		setting_write(named(trips[i].name), &settings, &one);
		assert_string_equal(first, trips[i].written);
		assert_int_equal(read_into(&settings, trips[i].name, first, said), 0);
		setting_write(named(trips[i].name), &settings, &two);
		assert_string_equal(second, first);
	}
	settings_free(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_a_default_within_its_bounds),
		cmocka_unit_test(a_short_flag_belongs_to_one_row),
		cmocka_unit_test(a_row_knows_its_section),
		cmocka_unit_test(a_name_is_found_with_either_dash),
		cmocka_unit_test(a_duration_is_exact_in_every_unit),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(a_size_has_units_of_1024),
		cmocka_unit_test(a_count_outside_its_bounds_is_refused_with_them),
		cmocka_unit_test(a_choice_is_one_of_its_words),
		cmocka_unit_test(a_switch_has_eight_words),
		cmocka_unit_test(a_list_grows_or_is_replaced),
		cmocka_unit_test(items_are_walked_one_by_one),
		cmocka_unit_test(what_is_written_reads_back_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
