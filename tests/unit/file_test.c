/* Files that answers share, and how one that lies in memory goes out. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "service/file.h"
#include "service/transport.h"

static struct file *in_memory(const char *text)
{
	char *bytes = strdup(text);
	struct file *file = file_in_memory(&bytes, strlen(text));

	assert_non_null(file);
	assert_null(bytes);
	return file;
}

static void the_last_user_closes_it(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), number = fd;
	struct file *file = file_new(&fd), *held;

	(void)state;
	assert_non_null(file);
	assert_int_equal(fd, -1);
	held = file_hold(file);
	file_release(&file);
	assert_null(file);
	assert_int_equal(fcntl(number, F_GETFD), FD_CLOEXEC);
	file_release(&held);
	assert_int_equal(fcntl(number, F_GETFD), -1);
	file_release(&held);
}

static void both_kinds_are_read_the_same_way(void **state)
{
	static const struct {
		uint64_t at;
		size_t size;
		const char *read;
	} rows[] = {
		{0, 10, "0123456789"},
		{0, 4, "0123"},
		{3, 4, "3456"},
		{8, 100, "89"},
		{10, 1, ""},
		{11, 1, ""},
		{(uint64_t)1 << 40, 1, ""},
		{5, 0, ""},
	};
	int fd = fd_sealed("test", "0123456789", 10);
	struct file *files[] = {in_memory("0123456789"), file_new(&fd)};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		for (size_t k = 0; k < COUNT_OF(rows); k++) {
			char bytes[128];
			ssize_t n = file_read(files[i], bytes, rows[k].size, rows[k].at);

			assert_int_equal(n, strlen(rows[k].read));
			assert_memory_equal(bytes, rows[k].read, (size_t)n);
		}
		file_release(&files[i]);
	}
}

/* A megabyte in which each place looks different, through a socket that takes little at a time. */
static void a_part_of_memory_goes_out_behind_the_head_at_the_reader_s_pace(void **state)
{
	enum { SIZE = 1 << 20, AT = 12345, PART = SIZE - 54321 };
	uint32_t *words = malloc(SIZE);
	char *bytes = (char *)words, *got = test_malloc(SIZE);
	struct transport transport = {.kind = &transport_plain};
	struct outgoing out = {0};
	struct file *file;
	size_t used = 0;
	uint64_t sent;
	int ends[2];

	(void)state;
	for (uint32_t i = 0; i < SIZE / sizeof(*words); i++)
		words[i] = i * 2654435761U;
	file = file_in_memory(&bytes, SIZE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
		0);
	transport.fd = ends[0];
	assert_int_equal(buffer_add(&out.bytes, "head", 4), 0);
	outgoing_file(&out, file, AT, PART);
	while (!outgoing_is_empty(&out)) {
		enum transport_outcome outcome = transport_write(&transport, &out, &sent);
		ssize_t n;

		assert_true(outcome != TRANSPORT_GONE && outcome != TRANSPORT_SHORT);
		assert_true((outcome == TRANSPORT_SENT) == outgoing_is_empty(&out));
		while ((n = read(ends[1], got + used, SIZE - used)) > 0)
			used += (size_t)n;
	}
	assert_int_equal(used, PART + 4);
	assert_memory_equal(got, "head", 4);
	assert_memory_equal(got + 4, file->bytes + AT, PART);
	outgoing_free(&out);
	file_release(&file);
	test_free(got);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_user_closes_it),
		cmocka_unit_test(both_kinds_are_read_the_same_way),
		cmocka_unit_test(a_part_of_memory_goes_out_behind_the_head_at_the_reader_s_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
