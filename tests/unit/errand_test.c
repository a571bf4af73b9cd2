#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/errand.h"

static struct errand left(const char *path)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct errand errand;

	assert_int_equal(errand_leave(&errand, path, &why), 0);
	return errand;
}

static int outcome(uint32_t number)
{
	char path[ERRAND_MAX], bytes[256];
	struct text why = TEXT_OVER(bytes);
	int error = errand_read(number, ERRAND_OF_OUR_USER, path, &why);

	assert_int_equal(error == 0, why.used == 0);
	return error;
}

static void what_was_left_is_read_and_the_one_who_waits_hears_of_it(void **state)
{
	struct errand errand = left("/opt/new/narwhal");
	char path[ERRAND_MAX], bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(errand_read(errand.number, ERRAND_OF_OUR_USER, path, &why), 0);
	assert_string_equal(path, "/opt/new/narwhal");
	assert_int_equal(errand_wait(&errand, &why), 0);
	errand_end(&errand);
	assert_int_equal(outcome(errand.number), -ENOENT);
}

static void a_path_that_is_none_is_not_left(void **state)
{
	static const char *const paths[] = {"", "narwhal", "./narwhal"};
	char bytes[256];
	struct errand errand;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(errand_leave(&errand, paths[i], &why), -EINVAL);
		errand_end(&errand);
	}
}

static void a_file_that_others_could_write_is_not_believed(void **state)
{
	struct errand errand = left("/opt/new/narwhal");
	char other[sizeof(errand.file) + 2];

	(void)state;
	assert_int_equal(chmod(errand.file, 0664), 0);
	assert_int_equal(outcome(errand.number), -EPERM);
	assert_int_equal(chmod(errand.file, 0646), 0);
	assert_int_equal(outcome(errand.number), -EPERM);
	assert_int_equal(chmod(errand.file, 0644), 0);
	(void)sprintf(other, "%s-2", errand.file);
	assert_int_equal(link(errand.file, other), 0);
	assert_int_equal(outcome(errand.number), -EPERM);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(outcome(errand.number), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(errand.file, 65534, 65534), 0);
		assert_int_equal(outcome(errand.number), -EPERM);
	}
	errand_end(&errand);
}

static void one_of_our_user_is_believed_only_where_that_one_is(void **state)
{
	struct errand errand = left("/opt/new/narwhal");
	char path[ERRAND_MAX], bytes[256];
	struct text why = TEXT_OVER(bytes);
	uid_t own = geteuid();

	(void)state;
	if (own == 0) {
		assert_int_equal(errand_read(errand.number, ERRAND_OF_ROOT, path, &why), 0);
		assert_int_equal(chown(errand.file, 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	assert_int_equal(outcome(errand.number), 0);
	assert_int_equal(errand_read(errand.number, ERRAND_OF_ROOT, path, &why), -EPERM);
	assert_int_equal(seteuid(own), 0);
	errand_end(&errand);
}

static void what_is_no_plain_file_is_not_waited_for(void **state)
{
	struct errand errand = left("/opt/new/narwhal");

	(void)state;
	assert_int_equal(unlink(errand.file), 0);
	assert_int_equal(mkfifo(errand.file, 0644), 0);
	assert_int_equal(outcome(errand.number), -EPERM);
	assert_int_equal(unlink(errand.file), 0);
	assert_int_equal(symlink("/etc/passwd", errand.file), 0);
	assert_int_equal(outcome(errand.number), -ELOOP);
	errand_end(&errand);
}

static void what_holds_no_path_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} contents[] = {{"", 0}, {"narwhal", 7}, {"/a\0b", 4}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(contents); i++) {
		struct errand errand = left("/opt/new/narwhal");
		FILE *file = fopen(errand.file, "we");

		assert_non_null(file);
		assert_int_equal(fwrite(contents[i].bytes, 1, contents[i].size, file),
			contents[i].size);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(outcome(errand.number), -EINVAL);
		errand_end(&errand);
	}
}

static void a_number_that_names_no_place_is_refused(void **state)
{
	(void)state;
	assert_int_equal(outcome(3), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_left_is_read_and_the_one_who_waits_hears_of_it),
		cmocka_unit_test(a_path_that_is_none_is_not_left),
		cmocka_unit_test(a_file_that_others_could_write_is_not_believed),
		cmocka_unit_test(one_of_our_user_is_believed_only_where_that_one_is),
		cmocka_unit_test(what_is_no_plain_file_is_not_waited_for),
		cmocka_unit_test(what_holds_no_path_is_refused),
		cmocka_unit_test(a_number_that_names_no_place_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
