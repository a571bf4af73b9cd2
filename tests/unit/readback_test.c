#include "seccomp/readback.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/unit/unit.h"

/* As a kernel writes it, cut to what counts and some of what does not. */
static const char STATUS[] = "Name:\tnarwhal-worker\n"
			     "Umask:\t0022\n"
			     "Uid:\t65534\t65534\t65534\t65534\n"
			     "Gid:\t1\t2\t3\t4\n"
			     "FDSize:\t64\n"
			     "Groups:\t4 20 24 \n"
			     "CapInh:\t0000000000000000\n"
			     "CapPrm:\t0000000000000001\n"
			     "CapEff:\t0000000000000002\n"
			     "CapBnd:\t000001ffffffffff\n"
			     "CapAmb:\tffffffffffffffff\n"
			     "NoNewPrivs:\t1\n"
			     "Seccomp:\t2\n"
			     "Seccomp_filters:\t1\n"
			     "Mems_allowed:\t1,00000000\n";

static int parse(const char *text, struct readback *found, char why_bytes[static 256])
{
	struct text why = {.bytes = why_bytes, .size = 256};

	why_bytes[0] = '\0';
	*found = (struct readback){0};
	return readback_parse(text, strlen(text), found, &why);
}

static void each_line_that_counts_is_read(void **state)
{
	static const struct {
		enum readback_field what;
		uint64_t value;
	} told[] = {
		{READBACK_UID_REAL, 65534},
		{READBACK_UID_EFFECTIVE, 65534},
		{READBACK_UID_SAVED, 65534},
		{READBACK_UID_FILES, 65534},
		{READBACK_GID_REAL, 1},
		{READBACK_GID_EFFECTIVE, 2},
		{READBACK_GID_SAVED, 3},
		{READBACK_GID_FILES, 4},
		{READBACK_GROUPS, 3},
		{READBACK_INHERITABLE, 0},
		{READBACK_PERMITTED, 1},
		{READBACK_EFFECTIVE, 2},
		{READBACK_BOUNDING, 0x1ffffffffff},
		{READBACK_AMBIENT, UINT64_MAX},
		{READBACK_NO_NEW_PRIVS, 1},
		{READBACK_SECCOMP, 2},
		{READBACK_FILTERS, 1},
	};
	struct readback found;
	char why[256];
	size_t known = 0;

	(void)state;
	assert_int_equal(parse(STATUS, &found, why), 0);
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		assert_true(found.known[told[i].what]);
		assert_int_equal(found.value[told[i].what], told[i].value);
	}
	for (size_t i = 0; i < READBACK_FIELDS; i++)
		known += found.known[i];
	assert_int_equal(known, COUNT_OF(told));
}

static void lines_that_an_older_kernel_lacks_stay_unknown(void **state)
{
	struct readback found;
	char why[256];

	(void)state;
	assert_int_equal(parse("Uid:\t0\t0\t0\t0\n", &found, why), 0);
	assert_true(found.known[READBACK_UID_FILES]);
	assert_false(found.known[READBACK_AMBIENT]);
	assert_int_equal(parse("", &found, why), 0);
	assert_false(found.known[READBACK_UID_REAL]);
}

static void a_name_that_only_begins_alike_is_another_line(void **state)
{
	struct readback found;
	char why[256];

	(void)state;
	assert_int_equal(parse("Seccomp_filters:\t7\nSecc:\t7\nNoUid:\t1\nCap\n", &found, why), 0);
	assert_int_equal(found.value[READBACK_FILTERS], 7);
	assert_false(found.known[READBACK_SECCOMP]);
	assert_false(found.known[READBACK_UID_REAL]);
}

static void no_groups_are_none(void **state)
{
	struct readback found;
	char why[256];

	(void)state;
	assert_int_equal(parse("Groups:\t\n", &found, why), 0);
	assert_true(found.known[READBACK_GROUPS]);
	assert_int_equal(found.value[READBACK_GROUPS], 0);
	assert_int_equal(parse("Groups:\t \n", &found, why), 0);
	assert_int_equal(found.value[READBACK_GROUPS], 0);
}

static void a_line_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"Uid:\t0\t0\t0\n",
		"Uid:\n",
		"Uid:\t0\t0\t0\t-1\n",
		"Uid:\t0 0 0 0x\n",
		"Uid:\t0\t0\t0\t99999999999999999999\n",
		"Groups:\t4 x\n",
		"CapEff:\t\n",
		"CapEff:\t00000000000000g0\n",
		"CapEff:\t10000000000000000\n",
		"CapEff:\tFF\n",
		"NoNewPrivs:\tyes\n",
		"NoNewPrivs:\t1\nNoNewPrivs:\t1\n",
		"NoNewPrivs:\t1",
		"Name:\tcut",
	};
	struct readback found;
	char why[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(parse(bad[i], &found, why), -EINVAL);
		assert_non_null(strstr(why, "/proc/self/status has a line \""));
	}
	assert_int_equal(parse("Uid:\t0\nGid:\t0\n", &found, why), -EINVAL);
	assert_string_equal(why, "/proc/self/status has a line \"Uid:\\x090\"");
	assert_int_equal(parse("Gid:\t0", &found, why), -EINVAL);
	assert_string_equal(why, "/proc/self/status has a line \"Gid:\\x090\" without an end");
}

static void a_difference_is_named_as_wanted_and_as_found(void **state)
{
	struct readback wanted = {0}, found = {0};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	readback_want(&wanted, READBACK_EFFECTIVE, 0);
	readback_want(&wanted, READBACK_UID_SAVED, 65534);
	readback_want(&found, READBACK_EFFECTIVE, 0x80);
	assert_int_equal(readback_compare(&wanted, &found, &why), -EPERM);
	assert_string_equal(bytes,
		"read back: effective capabilities: wanted 0x0, the kernel says 0x80");
	why = TEXT_OVER(bytes);
	readback_want(&found, READBACK_UID_SAVED, 0);
	assert_int_equal(readback_compare(&wanted, &found, &why), -EPERM);
	assert_string_equal(bytes, "read back: saved uid: wanted 65534, the kernel says 0");
}

static void what_is_not_wanted_or_not_told_is_passed_over(void **state)
{
	struct readback wanted = {0}, found = {0};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	readback_want(&wanted, READBACK_SECCOMP, 2);
	readback_want(&found, READBACK_GROUPS, 3);
	assert_int_equal(readback_compare(&wanted, &found, &why), 0);
	assert_string_equal(bytes, "");
}

static void a_limit_may_be_lower_and_not_higher(void **state)
{
	struct readback wanted = {0}, found = {0};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	readback_want(&wanted, READBACK_LIMIT_CORE, 10);
	readback_want(&found, READBACK_LIMIT_CORE, 9);
	assert_int_equal(readback_compare(&wanted, &found, &why), 0);
	readback_want(&found, READBACK_LIMIT_CORE, 11);
	assert_int_equal(readback_compare(&wanted, &found, &why), -EPERM);
}

/* The two tell the same of one process; what a status has beyond is told by it alone. */
static void both_witnesses_agree(void **state)
{
	struct readback asked = {0}, read = {0};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	int fd = readback_open();

	(void)state;
	if (fd == -ENOENT)
		skip();
	assert_true(fd >= 0);
	readback_ask(&asked);
	/* Each time of that moment. */
	for (int i = 0; i < 2; i++) {
		read = (struct readback){0};
		assert_int_equal(readback_read(fd, &read, &why), 0);
	}
	fd_close(&fd);
	assert_int_equal(readback_compare(&asked, &read, &why), 0);
	assert_int_equal(asked.value[READBACK_UID_REAL], getuid());
#define READBACK(name, line, column, base, as, words) \
	assert_true((line)[0] == '\0' ? asked.known[READBACK_##name] : read.known[READBACK_##name]);
#include "seccomp/readback.def"
#undef READBACK
}

static int read_text(const char *text, size_t size, struct readback *found)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	FD_SCOPED fd = fd_sealed("status", text, size);

	assert_true(fd >= 0);
	*found = (struct readback){0};
	return readback_read(fd, found, &why);
}

/* Some hundreds of groups, as a directory service may give one: the lines behind them count. */
static void a_line_that_is_too_long_is_passed_over(void **state)
{
	static const size_t sizes[] = {4000, 4087, 4088, 4089, 4095, 4096, 4097, 8192, 30000};
	static char text[40000];
	struct readback found;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		size_t used = (size_t)sprintf(text, "Groups:\t");

		memset(text + used, '7', sizes[i]);
		for (size_t at = 8; at < sizes[i]; at += 8)
			text[used + at] = ' ';
		used += sizes[i];
		used += (size_t)sprintf(text + used, "\nCapInh:\t10\nCapEff:\t20\n");
		assert_int_equal(read_text(text, used, &found), 0);
		assert_int_equal(found.known[READBACK_GROUPS], sizes[i] < 4088);
		assert_int_equal(found.value[READBACK_INHERITABLE], 0x10);
		assert_int_equal(found.value[READBACK_EFFECTIVE], 0x20);
		assert_int_equal(read_text(text, used - 1, &found), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_that_counts_is_read),
		cmocka_unit_test(lines_that_an_older_kernel_lacks_stay_unknown),
		cmocka_unit_test(a_name_that_only_begins_alike_is_another_line),
		cmocka_unit_test(no_groups_are_none),
		cmocka_unit_test(a_line_that_is_none_is_refused),
		cmocka_unit_test(a_difference_is_named_as_wanted_and_as_found),
		cmocka_unit_test(what_is_not_wanted_or_not_told_is_passed_over),
		cmocka_unit_test(a_limit_may_be_lower_and_not_higher),
		cmocka_unit_test(a_line_that_is_too_long_is_passed_over),
		cmocka_unit_test(both_witnesses_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
