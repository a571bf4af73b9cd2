/* Descriptors: who holds them, and who inherits. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd > STDERR_FILENO);
	return fd;
}

static void closing_leaves_minus_one_and_may_be_done_twice(void **state)
{
	int fd = open_null(), number = fd;

	(void)state;
	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_false(is_open(number));

	/* Another file may have the number by now: it must not be closed. */
	assert_int_equal(open_null(), number);
	fd_close(&fd);
	assert_true(is_open(number));
	fd_close(&number);
}

static int number_of_a_scoped_one(void)
{
	FD_SCOPED fd = open_null();

	return fd;
}

static void a_scoped_one_is_closed_at_the_end_of_its_scope(void **state)
{
	(void)state;
	assert_false(is_open(number_of_a_scoped_one()));
}

static void inheriting_is_taken_back_by_disinheriting(void **state)
{
	FD_SCOPED fd = open_null();

	(void)state;
	assert_int_equal(fd_inherit(fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(fd_disinherit(fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fd_inherit(-1), -EBADF);
	assert_int_equal(fd_disinherit(-1), -EBADF);
	assert_int_equal(fd_place(-1, STDERR_FILENO), -EBADF);
}

static void what_is_shared_has_its_size_for_good(void **state)
{
	FD_SCOPED fd = fd_shared("test", 4096);
	struct stat status;
	char *memory;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, 4096);
	assert_int_equal(ftruncate(fd, 8192), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	assert_int_equal(memory[0], 0);
	memory[0] = 'x';
	assert_int_equal(munmap(memory, 4096), 0);
}

static void what_is_sealed_cannot_be_changed_by_anybody(void **state)
{
	static const char content[] = "name value\n";
	FD_SCOPED fd = fd_sealed("test", content, sizeof(content) - 1);
	char bytes[64] = "";

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(content) - 1);
	assert_string_equal(bytes, content);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void nothing_can_be_sealed_too(void **state)
{
	FD_SCOPED fd = fd_sealed("test", NULL, 0);
	struct stat status;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, 0);
}

/* What a child does to its descriptors is its own affair. */
static void assert_in_child(bool (*check)(void))
{
	pid_t child = fork();
	int status = -1;

	assert_true(child >= 0);
	if (child == 0)
		_exit(check() ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool is_null_device(int fd)
{
	struct stat status, null;

	return fstat(fd, &status) == 0 && stat("/dev/null", &null) == 0 &&
	       status.st_rdev == null.st_rdev && fcntl(fd, F_GETFD) == 0;
}

static bool missing_ones_are_null(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		fd_close(&(int){fd});
	return fd_standard() == 0 && is_null_device(0) && is_null_device(1) && is_null_device(2);
}

static bool open_ones_stay(void)
{
	struct stat before, after;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0 || fd_place(fds[1], 1) != 0 || fstat(1, &before) != 0)
		return false;
	fd_close(&(int){0});
	return fd_standard() == 0 && is_null_device(0) && fstat(1, &after) == 0 &&
	       before.st_ino == after.st_ino;
}

static void missing_standard_descriptors_are_the_null_device(void **state)
{
	(void)state;
	assert_in_child(missing_ones_are_null);
	assert_in_child(open_ones_stay);
}

static bool placed_is_open_across_exec(void)
{
	int fds[2];
	struct stat pipe_status, placed;

	if (pipe2(fds, O_CLOEXEC) != 0 || fstat(fds[1], &pipe_status) != 0)
		return false;
	if (fd_place(fds[1], 2) != 0 || fstat(2, &placed) != 0)
		return false;
	return placed.st_ino == pipe_status.st_ino && fcntl(2, F_GETFD) == 0 &&
	       fcntl(fds[1], F_GETFD) == FD_CLOEXEC;
}

/* dup3(2) refuses two equal numbers, and without it the flag would stay. */
static bool placed_on_itself_is_open_across_exec(void)
{
	return fd_disinherit(2) == 0 && fd_place(2, 2) == 0 && fcntl(2, F_GETFD) == 0;
}

static void a_placed_one_is_open_across_exec(void **state)
{
	(void)state;
	assert_in_child(placed_is_open_across_exec);
	assert_in_child(placed_on_itself_is_open_across_exec);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(closing_leaves_minus_one_and_may_be_done_twice),
		cmocka_unit_test(a_scoped_one_is_closed_at_the_end_of_its_scope),
		cmocka_unit_test(inheriting_is_taken_back_by_disinheriting),
		cmocka_unit_test(what_is_shared_has_its_size_for_good),
		cmocka_unit_test(what_is_sealed_cannot_be_changed_by_anybody),
		cmocka_unit_test(nothing_can_be_sealed_too),
		cmocka_unit_test(missing_standard_descriptors_are_the_null_device),
		cmocka_unit_test(a_placed_one_is_open_across_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
