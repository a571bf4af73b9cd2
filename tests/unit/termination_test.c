#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/termination.h"

struct fixture {
	char directory[64];
	char path[96];
	char other[96];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	snprintf(f->directory, sizeof(f->directory), "/tmp/termination_test.XXXXXX");
	*state = f;
	if (mkdtemp(f->directory) == NULL)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/log", f->directory);
	snprintf(f->other, sizeof(f->other), "%s/other", f->directory);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int left;

	(void)unlink(f->path);
	(void)unlink(f->other);
	left = rmdir(f->directory);
	free(f);
	return left;
}

static void put(const char *path, const char *content)
{
	FD_SCOPED fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
}

static void expect_content(const char *path, const char *expected)
{
	FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[2 * TERMINATION_MAX] = "";

	assert_true(fd >= 0);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) >= 0);
	assert_string_equal(bytes, expected);
}

static int write_to(const char *path, const char *reason)
{
	FD_SCOPED fd = termination_open(path);

	return fd >= 0 ? termination_write(fd, reason) : fd;
}

static void the_reason_is_one_line_in_place_of_what_was_there(void **state)
{
	struct fixture *f = *state;

	put(f->path, "something longer, of an end before\n");
	assert_int_equal(write_to(f->path, "no worker could boot"), 0);
	expect_content(f->path, "no worker could boot\n");
	assert_int_equal(write_to(f->path, "a line\n"), 0);
	expect_content(f->path, "a line\n");
	termination_leave(f->path, "left");
	expect_content(f->path, "left\n");
}

static void where_no_file_is_none_is_made(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(termination_open(f->path), -ENOENT);
	assert_int_equal(termination_write(-1, "reason"), 0);
	termination_leave(f->path, "reason");
	assert_int_equal(access(f->path, F_OK), -1);
}

static void opening_changes_nothing(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED fd = -1;

	put(f->path, "of an end before\n");
	fd = termination_open(f->path);
	assert_true(fd >= 0);
	expect_content(f->path, "of an end before\n");
}

static void it_is_cut_to_what_kubernetes_reads(void **state)
{
	struct fixture *f = *state;
	char reason[2 * TERMINATION_MAX], expected[TERMINATION_MAX + 1];

	memset(reason, 'x', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	memcpy(expected, reason, TERMINATION_MAX - 1);
	memcpy(expected + TERMINATION_MAX - 1, "\n", 2);
	put(f->path, "");
	assert_int_equal(write_to(f->path, reason), 0);
	expect_content(f->path, expected);
}

static void what_is_no_plain_file_is_left_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(write_to(f->path, "reason"), -ENXIO); /* and does not wait */
	{
		FD_SCOPED reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		char byte;

		assert_int_equal(write_to(f->path, "reason"), -EBADF);
		assert_int_equal(read(reader, &byte, 1), 0);
	}
	assert_int_equal(unlink(f->path), 0);
	put(f->other, "mine\n");
	assert_int_equal(symlink(f->other, f->path), 0);
	assert_int_equal(write_to(f->path, "reason"), -ELOOP);
	expect_content(f->other, "mine\n");
	assert_int_equal(write_to(f->directory, "reason"), -EISDIR);
	assert_int_equal(write_to("/dev/null", "reason"), -EBADF);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILES(the_reason_is_one_line_in_place_of_what_was_there),
		WITH_FILES(where_no_file_is_none_is_made),
		WITH_FILES(opening_changes_nothing),
		WITH_FILES(it_is_cut_to_what_kubernetes_reads),
		WITH_FILES(what_is_no_plain_file_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
