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
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/readiness.h"

#define WALL_MS 1795175400123 /* 2026-11-20T11:50:00.123Z */

struct fixture {
	char directory[64];
	char path[96];
	char why_bytes[512];
	struct text why;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	snprintf(f->directory, sizeof(f->directory), "/tmp/readiness_test.XXXXXX");
	if (mkdtemp(f->directory) == NULL)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/ready", f->directory);
	f->why = TEXT_OVER(f->why_bytes);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int left;

	(void)unlink(f->path);
	left = rmdir(f->directory); /* nothing else may have been left behind */
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
	char bytes[512] = "";

	assert_true(fd >= 0);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) >= 0);
	assert_string_equal(bytes, expected);
}

static int set(struct fixture *f, pid_t pid, uint64_t generation)
{
	return readiness_set(f->path,
		&(struct readiness){.pid = pid, .generation = generation, .wall_ms = WALL_MS},
		&f->why);
}

static void it_holds_pid_generation_and_time_and_goes_when_cleared(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(077);
	struct stat status;

	assert_int_equal(readiness_begin(f->path, &f->why), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(set(f, 1, 2), 0);
	(void)umask(before);
	expect_content(f->path, "pid=1\ngeneration=2\ntime=2026-11-20T11:50:00.123Z\n");
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(readiness_clear(f->path, &f->why), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(readiness_clear(f->path, &f->why), 0);
	assert_string_equal(f->why_bytes, "");
}

static void a_new_generation_replaces_the_file_in_one_step(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED old = -1;
	char bytes[512] = "";

	assert_int_equal(set(f, 1, 1), 0);
	old = open(f->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(set(f, 1, 2), 0);
	expect_content(f->path, "pid=1\ngeneration=2\ntime=2026-11-20T11:50:00.123Z\n");
	assert_true(read(old, bytes, sizeof(bytes) - 1) > 0); /* who had it open sees all of it */
	assert_non_null(strstr(bytes, "generation=1\ntime=2026"));
}

static void what_a_dead_arbiter_left_is_removed_at_start(void **state)
{
	struct fixture *f = *state;
	char half[128];

	snprintf(half, sizeof(half), "%s.narwhal-new", f->path);
	put(half, "pid=");
	assert_int_equal(set(f, 1, 1), 0);
	assert_int_equal(access(half, F_OK), -1);
	put(half, "pid=");
	assert_int_equal(readiness_begin(f->path, &f->why), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(access(half, F_OK), -1);
	put(f->path, "");
	assert_int_equal(readiness_begin(f->path, &f->why), 0);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void what_is_no_readiness_file_is_left_alone(void **state)
{
	struct fixture *f = *state;

	put(f->path, "import os\n");
	assert_int_equal(readiness_begin(f->path, &f->why), -EEXIST);
	assert_non_null(strstr(f->why_bytes, "holds something else than readiness"));
	expect_content(f->path, "import os\n");
	assert_int_equal(readiness_begin(f->directory, &f->why), -EEXIST);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(symlink("target", f->path), 0);
	assert_int_equal(readiness_begin(f->path, &f->why), -EEXIST);
}

static void a_directory_that_takes_no_file_is_named_at_start(void **state)
{
	struct fixture *f = *state;
	char path[512];

	snprintf(path, sizeof(path), "%s/no/ready", f->directory);
	assert_int_equal(readiness_begin(path, &f->why), -ENOENT);
	assert_non_null(strstr(f->why_bytes, "its directory does not exist"));
	assert_int_equal(readiness_begin("/proc/ready", &f->why), -ENOENT);
	memset(path, 'n', 250);
	memcpy(path, "/tmp/", 5);
	path[5 + 244] = '\0'; /* itself short enough, but not the name it is made under */
	assert_int_equal(readiness_begin(path, &f->why), -ENAMETOOLONG);
	assert_int_equal(access(path, F_OK), -1);
}

static void no_half_made_file_stays_when_writing_fails(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, none;
	int begun, done;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	begun = readiness_begin(f->path, &f->why);
	done = set(f, 1, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(begun, -EFBIG);
	assert_int_equal(done, -EFBIG);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(mkdir(f->path, 0700), 0); /* what rename cannot replace */
	assert_int_equal(set(f, 1, 1), -EISDIR);
	assert_int_equal(rmdir(f->path), 0);
}

static void a_living_pid_in_a_whole_file_is_ready(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, getpid(), 1), 0);
	assert_int_equal(readiness_check(f->path, &f->why), 0);
	assert_int_equal(set(f, 1, UINT64_MAX), 0); /* not ours to signal, perhaps: alive */
	assert_int_equal(readiness_check(f->path, &f->why), 0);
	assert_string_equal(f->why_bytes, "");
}

static void no_file_is_not_ready(void **state)
{
	struct fixture *f = *state;
	char expected[256];

	snprintf(expected, sizeof(expected), "not ready: %s does not exist", f->path);
	assert_int_equal(readiness_check(f->path, &f->why), -ENOENT);
	assert_string_equal(f->why_bytes, expected);
}

static void a_dead_pid_is_not_ready(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(set(f, pid, 1), 0);
	assert_int_equal(readiness_check(f->path, &f->why), -ESRCH);
	assert_non_null(strstr(f->why_bytes, "is stale: its pid"));
}

static void a_malformed_file_is_not_ready(void **state)
{
	static const char time[] = "time=2026-11-20T11:50:00.123Z\n";
	static const char *const heads[] = {"", "\n", "pid=1\n", "pid=1\ngeneration=\n",
		"pid=1\ngeneration=1", "pid=0\ngeneration=1\n", "pid=-1\ngeneration=1\n",
		"pid=4294967297\ngeneration=1\n", "generation=1\npid=1\n",
		"pid=1\ngeneration=1\n\n", "pid=1\ngeneration=1\ntime=2026-11-20T11:50:00.123Z\n"};
	struct fixture *f = *state;
	char content[256];

	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		snprintf(content, sizeof(content), "%s%s", heads[i], time);
		put(f->path, content);
		assert_int_equal(readiness_check(f->path, &f->why), -EBADMSG);
	}
	put(f->path, "pid=1\ngeneration=1\ntime=2026-11-20T11:50:00.123Z");
	assert_int_equal(readiness_check(f->path, &f->why), -EBADMSG);
	put(f->path, "pid=1\ngeneration=1\ntime=2026-11-20 11:50:00.123Z\n");
	assert_int_equal(readiness_check(f->path, &f->why), -EBADMSG);
	assert_int_equal(readiness_check(f->directory, &f->why), -EBADMSG);
	assert_non_null(strstr(f->why_bytes, "is no readiness file"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_holds_pid_generation_and_time_and_goes_when_cleared),
		TEST(a_new_generation_replaces_the_file_in_one_step),
		TEST(what_a_dead_arbiter_left_is_removed_at_start),
		TEST(what_is_no_readiness_file_is_left_alone),
		TEST(a_directory_that_takes_no_file_is_named_at_start),
		TEST(no_half_made_file_stays_when_writing_fails),
		TEST(a_living_pid_in_a_whole_file_is_ready),
		TEST(no_file_is_not_ready),
		TEST(a_dead_pid_is_not_ready),
		TEST(a_malformed_file_is_not_ready),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
