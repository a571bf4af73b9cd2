#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/landlock.h>
#include <string.h>

#include "base/attr.h"
#include "seccomp/landlock.h"

/* The table once more, with the names of the kernel's own header as far as it has them. */
enum known {
#define RIGHT(kind, name, bit, abi, on, given) kind##_##name = 1 << (bit),
#include "seccomp/landlock.def"
#undef RIGHT
};

static void the_bits_are_the_kernels(void **state)
{
	static const struct {
		unsigned long long ours, theirs;
	} rows[] = {
#define SAME(name) {FILES_##name, LANDLOCK_ACCESS_FS_##name},
		SAME(EXECUTE) SAME(WRITE_FILE) SAME(READ_FILE) SAME(READ_DIR) SAME(REMOVE_DIR) SAME(
			REMOVE_FILE) SAME(MAKE_CHAR) SAME(MAKE_DIR) SAME(MAKE_REG) SAME(MAKE_SOCK)
			SAME(MAKE_FIFO) SAME(MAKE_BLOCK) SAME(MAKE_SYM) SAME(REFER)
#undef SAME
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(rows[i].ours, rows[i].theirs);
}

static void each_abi_takes_what_it_knows_and_no_more(void **state)
{
	static const struct {
		int abi;
		struct landlock_rights all;
	} rows[] = {
		{0, {0, 0, 0}}, {1, {0x1fff, 0, 0}}, {2, {0x3fff, 0, 0}}, {3, {0x7fff, 0, 0}},
		{4, {0x7fff, 3, 0}}, {5, {0xffff, 3, 0}}, {6, {0xffff, 3, 3}}, {7, {0xffff, 3, 3}},
		{99, {0xffff, 3, 3}}, /* a kernel that is younger than we are */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct landlock_rights all = landlock_all(rows[i].abi);

		assert_memory_equal(&all, &rows[i].all, sizeof(all));
	}
}

static void a_grant_gives_back_what_its_abi_took(void **state)
{
	(void)state;
	for (int abi = 1; abi <= 7; abi++) {
		struct landlock_rights all = landlock_all(abi);

		for (enum landlock_grant grant = LANDLOCK_READ; grant <= LANDLOCK_WRITE; grant++) {
			uint64_t tree = landlock_given(abi, grant, true);
			uint64_t file = landlock_given(abi, grant, false);

			assert_int_equal(tree & ~all.files, 0);
			assert_int_equal(file & ~tree, 0);
		}
		assert_int_equal(landlock_given(abi, LANDLOCK_CONNECT, false),
			abi >= 4 ? PORTS_CONNECT_TCP : 0);
	}
}

static void reading_is_files_and_lists_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(landlock_given(7, LANDLOCK_READ, true), FILES_READ_FILE | FILES_READ_DIR);
	assert_int_equal(landlock_given(7, LANDLOCK_READ, false), FILES_READ_FILE);
}

static void writing_makes_no_device_no_link_and_no_socket_and_executes_nothing(void **state)
{
	const uint64_t never = FILES_EXECUTE | FILES_MAKE_CHAR | FILES_MAKE_BLOCK |
			       FILES_MAKE_FIFO | FILES_MAKE_SOCK | FILES_MAKE_SYM | FILES_IOCTL_DEV;

	(void)state;
	assert_int_equal(landlock_given(7, LANDLOCK_WRITE, true) & never, 0);
	assert_int_equal(landlock_given(7, LANDLOCK_WRITE, true) | never, landlock_all(7).files);
	/* The kernel refuses a rule for a file with a right that only directories can have. */
	assert_int_equal(landlock_given(7, LANDLOCK_WRITE, false),
		FILES_READ_FILE | FILES_WRITE_FILE | FILES_TRUNCATE);
}

static void running_is_reading_and_executing_and_no_list_gives_it(void **state)
{
	(void)state;
	assert_int_equal(landlock_given(7, LANDLOCK_RUN, true),
		FILES_READ_FILE | FILES_READ_DIR | FILES_EXECUTE);
	assert_int_equal(landlock_given(7, LANDLOCK_RUN, false), FILES_READ_FILE | FILES_EXECUTE);
}

static void each_way_of_having_none_has_its_remedy(void **state)
{
	(void)state;
	assert_non_null(strstr(landlock_remedy(-ENOSYS), "CONFIG_SECURITY_LANDLOCK"));
	assert_non_null(strstr(landlock_remedy(-EOPNOTSUPP), "lsm="));
	assert_non_null(strstr(landlock_remedy(-EPERM), "landlock_create_ruleset"));
	assert_non_null(strstr(landlock_remedy(-E2BIG), "16"));
}

static void a_port_is_a_number_up_to_65535(void **state)
{
	static const struct {
		const char *text;
		int error;
		uint16_t port;
	} rows[] = {
		{"0", 0, 0},
		{"443", 0, 443},
		{"65535", 0, 65535},
		{"65536", -ERANGE, 0},
		{"-1", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"*", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[128];
		struct text why = TEXT_OVER(bytes);
		uint16_t port;

		assert_int_equal(landlock_read_port(rows[i].text, strlen(rows[i].text), &port,
					 &why),
			rows[i].error);
		assert_int_equal(port, rows[i].port);
		assert_int_equal(why.used == 0, rows[i].error == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bits_are_the_kernels),
		cmocka_unit_test(each_abi_takes_what_it_knows_and_no_more),
		cmocka_unit_test(a_grant_gives_back_what_its_abi_took),
		cmocka_unit_test(reading_is_files_and_lists_and_nothing_else),
		cmocka_unit_test(
			writing_makes_no_device_no_link_and_no_socket_and_executes_nothing),
		cmocka_unit_test(a_port_is_a_number_up_to_65535),
		cmocka_unit_test(running_is_reading_and_executing_and_no_list_gives_it),
		cmocka_unit_test(each_way_of_having_none_has_its_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
