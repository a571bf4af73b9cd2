#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/pidfile.h"

struct fixture {
	char directory[64];
	char path[96];
	char why_bytes[512];
	struct text why;
	struct pidfile pidfile;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	snprintf(f->directory, sizeof(f->directory), "/tmp/pidfile_test.XXXXXX");
	if (mkdtemp(f->directory) == NULL)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/pid", f->directory);
	f->why = TEXT_OVER(f->why_bytes);
	f->pidfile.fd = -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int left;

	pidfile_close(&f->pidfile);
	(void)unlink(f->path);
	left = rmdir(f->directory); /* nothing else may have been left behind */
	free(f);
	return left;
}

static void put(const char *path, const char *content, size_t size)
{
	FD_SCOPED fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, size), size);
}

static void expect_content(const char *path, const char *expected)
{
	FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[128] = "";

	assert_true(fd >= 0);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) >= 0);
	assert_string_equal(bytes, expected);
}

static void open_well(struct fixture *f, pid_t pid)
{
	if (pidfile_open(&f->pidfile, f->path, pid, &f->why) != 0)
		fail_msg("%s", f->why_bytes);
}

static void it_holds_the_pid_and_goes_with_its_owner(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(077);
	struct stat status;

	open_well(f, 17);
	(void)umask(before);
	expect_content(f->path, "17\n");
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_true((fcntl(f->pidfile.fd, F_GETFD) & FD_CLOEXEC) != 0);
	pidfile_close(&f->pidfile);
	assert_int_equal(f->pidfile.fd, -1);
	assert_int_equal(access(f->path, F_OK), -1);
	pidfile_close(&f->pidfile);
}

static void a_stale_file_never_blocks_a_start_whatever_pid_it_holds(void **state)
{
	struct fixture *f = *state;
	char own[32];
	const char *const stale[] = {"1\n", own, "99999999999999999999\n", "", "\n", "  7 "};

	snprintf(own, sizeof(own), "%d\n", getpid());
	for (size_t i = 0; i < COUNT_OF(stale); i++) {
		put(f->path, stale[i], strlen(stale[i]));
		open_well(f, 1);
		expect_content(f->path, "1\n");
		pidfile_close(&f->pidfile);
	}
	put(f->path, "\0\0\0\0", 4); /* after a power cut */
	open_well(f, 1);
	expect_content(f->path, "1\n");
}

static void a_living_holder_is_named_and_not_disturbed(void **state)
{
	struct fixture *f = *state;
	struct pidfile second;

	open_well(f, 4711);
	assert_int_equal(pidfile_open(&second, f->path, 2, &f->why), -EBUSY);
	assert_int_equal(second.fd, -1);
	assert_non_null(strstr(f->why_bytes, f->path));
	assert_non_null(strstr(f->why_bytes, "held by a living process, pid 4711"));
	pidfile_close(&second);
	expect_content(f->path, "4711\n");
}

static void closing_another_descriptor_of_the_file_keeps_the_lock(void **state)
{
	struct fixture *f = *state;
	struct pidfile second;

	open_well(f, 1);
	expect_content(f->path, "1\n"); /* opens and closes it: a POSIX lock would be lost */
	assert_int_equal(pidfile_open(&second, f->path, 2, &f->why), -EBUSY);
}

static void a_file_that_another_put_there_stays(void **state)
{
	struct fixture *f = *state;

	open_well(f, 1);
	assert_int_equal(unlink(f->path), 0);
	put(f->path, "2\n", 2);
	pidfile_close(&f->pidfile);
	expect_content(f->path, "2\n");
}

static void what_is_no_pid_file_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char target[128], digits[65];

	put(f->path, "import os\n", 10);
	assert_int_equal(pidfile_open(&f->pidfile, f->path, 1, &f->why), -EEXIST);
	assert_non_null(strstr(f->why_bytes, "something else than a pid"));
	expect_content(f->path, "import os\n");
	memset(digits, '1', sizeof(digits));
	put(f->path, digits, sizeof(digits));
	assert_int_equal(pidfile_open(&f->pidfile, f->path, 1, &f->why), -EEXIST);

	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(pidfile_open(&f->pidfile, f->path, 1, &f->why), -EEXIST);
	assert_int_equal(unlink(f->path), 0);

	snprintf(target, sizeof(target), "%s/target", f->directory);
	assert_int_equal(symlink(target, f->path), 0);
	assert_int_equal(pidfile_open(&f->pidfile, f->path, 1, &f->why), -ELOOP);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(pidfile_open(&f->pidfile, f->directory, 1, &f->why), -EISDIR);
	assert_int_equal(f->pidfile.fd, -1);
}

static void a_missing_directory_is_named(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/no/pid", f->directory);
	assert_int_equal(pidfile_open(&f->pidfile, path, 1, &f->why), -ENOENT);
	assert_non_null(strstr(f->why_bytes, "its directory does not exist"));
}

static void no_half_made_file_stays_when_writing_fails(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, none;
	int error;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	error = pidfile_open(&f->pidfile, f->path, 1, &f->why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(error, -EFBIG);
	assert_int_equal(f->pidfile.fd, -1);
	assert_int_equal(access(f->path, F_OK), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_holds_the_pid_and_goes_with_its_owner),
		TEST(a_stale_file_never_blocks_a_start_whatever_pid_it_holds),
		TEST(a_living_holder_is_named_and_not_disturbed),
		TEST(closing_another_descriptor_of_the_file_keeps_the_lock),
		TEST(a_file_that_another_put_there_stays),
		TEST(what_is_no_pid_file_is_left_alone),
		TEST(a_missing_directory_is_named),
		TEST(no_half_made_file_stays_when_writing_fails),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
