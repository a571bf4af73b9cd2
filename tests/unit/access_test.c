/* The access log's buffer: what is written when, and what becomes of lines that cannot be. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "service/access.h"

static const struct request_limits limits = {
	.line = 8192,
	.fields = 4,
	.field_size = 256,
	.head = 16384,
	.body = 0,
};

struct world {
	struct access access;
	struct access_notes *notes;
	struct loop loop;
	struct log log;
	_Atomic uint64_t dropped;
	int pipe[2];
	struct request *request;
};

static void world_open(struct world *world, const char *format, int fd)
{
	char bytes[2048];
	struct text why = TEXT_OVER(bytes);
	const struct access_home home = {&world->loop, &world->log, &world->dropped, 1};
	int own_fd = fd_duplicate(fd);

	assert_true(own_fd >= 0);
	assert_int_equal(access_open(&world->access, format, &own_fd, &home, &why), 0);
	assert_int_equal(own_fd, -1);
	access_turn(&world->access, 1000);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(world->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	/* By itself it holds 16 pages, of whatever size. */
	assert_int_equal(fcntl(world->pipe[1], F_SETPIPE_SZ, 1 << 16), 1 << 16);
	assert_int_equal(loop_open(&world->loop), 0);
	world->log = (struct log){.fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
	world->request = malloc(request_size(&limits));
	assert_non_null(world->request);
	access_init(&world->access);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	access_notes_free(&world->notes);
	access_close(&world->access);
	loop_close(&world->loop);
	fd_close(&world->pipe[0]);
	fd_close(&world->pipe[1]);
	fd_close(&world->log.fd);
	free(world->request);
	free(world);
	return 0;
}

/* An answer to GET `target`, whose body is sent at 100 to 150. */
static void note(struct world *world, const char *target)
{
	static const struct peer peer = {.any = {.sa_family = AF_UNIX}};
	const struct access_place place = {.body_at = 100, .end = 150};
	char head[8192];
	struct origin origin = {.told = false};
	const struct narwhal_request request = {
		.head = world->request,
		.bytes = head,
		.peer = &peer,
		.origin = &origin,
	};
	const struct access_facts facts = {
		.request = &request,
		.scene = &world->access.scene,
		.status = 200,
	};

	(void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
	request_reset(world->request);
	assert_int_equal(request_parse(world->request, &limits, head, strlen(head)),
		REQUEST_COMPLETE);
	access_note(&world->access, &world->notes, &facts, &place);
}

/* A line of `size` bytes, LF included. */
static void add_line(struct world *world, size_t size)
{
	char target[ACCESS_LINE_MAX];

	assert_in_range(size, 2, sizeof(target));
	memset(target, 'x', sizeof(target));
	target[0] = '/';
	target[size - 1] = '\0';
	note(world, target);
	access_notes_end(world->notes);
}

static size_t read_all(int fd, char *bytes, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, bytes + used, size - used)) > 0)
		used += (size_t)n;
	return used;
}

static void a_line_is_written_after_a_second_and_then_nobody_wakes(void **state)
{
	struct world *world = *state;
	char bytes[256];

	world_open(world, "%(target)s %(B)s", world->pipe[1]);
	assert_int_equal(access_nearest(&world->access), CLOCK_NEVER);
	note(world, "/a");
	assert_int_equal(access_nearest(&world->access), CLOCK_NEVER);
	world->notes->sent = 150;
	access_notes_end(world->notes);
	assert_int_equal(access_nearest(&world->access), 2000);
	access_turn(&world->access, 1999);
	access_tick(&world->access);
	assert_int_equal(read_all(world->pipe[0], bytes, sizeof(bytes)), 0);
	access_turn(&world->access, 2000);
	access_tick(&world->access);
	assert_int_equal(read_all(world->pipe[0], bytes, sizeof(bytes)), 6);
	assert_memory_equal(bytes, "/a 50\n", 6);
	assert_int_equal(access_nearest(&world->access), CLOCK_NEVER);
}

static void bytes_are_those_of_the_body_that_went_out(void **state)
{
	static const struct {
		uint64_t sent;
		const char *line;
	} cases[] = {{0, "- 0\n"}, {99, "- 0\n"}, {100, "- 0\n"}, {101, "1 1\n"}, {149, "49 49\n"},
		{150, "50 50\n"}, {999, "50 50\n"}};
	struct world *world = *state;

	world_open(world, "%(b)s %(B)s", world->pipe[1]);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char bytes[64];

		note(world, "/");
		world->notes->sent = cases[i].sent;
		access_notes_end(world->notes);
		access_turn(&world->access, world->access.scene.now_ms + 1000);
		access_tick(&world->access);
		assert_int_equal(read_all(world->pipe[0], bytes, sizeof(bytes)),
			strlen(cases[i].line));
		assert_memory_equal(bytes, cases[i].line, strlen(cases[i].line));
	}
}

static void a_pipe_gets_pieces_of_whole_lines(void **state)
{
	struct world *world = *state;
	char bytes[ACCESS_LINE_MAX + 1];

	world_open(world, "%(target)s", world->pipe[1]);
	for (unsigned i = 0; i < 20; i++)
		add_line(world, 1000);
	/* The eighteenth found enough: those before were written, in pieces of four lines. */
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(read(world->pipe[0], bytes, 4000), 4000);
		assert_int_equal(bytes[3999], '\n');
	}
	assert_int_equal(read(world->pipe[0], bytes, sizeof(bytes)), 1000);
	access_turn(&world->access, 5000);
	access_tick(&world->access);
	assert_int_equal(read(world->pipe[0], bytes, sizeof(bytes)), 3000);
}

static void a_blocked_reader_costs_whole_lines_that_are_counted(void **state)
{
	struct world *world = *state;
	char *bytes = malloc(1 << 20);
	size_t size, lines = 0;

	assert_non_null(bytes);
	world_open(world, "%(target)s", world->pipe[1]);
	for (unsigned i = 0; i < 500; i++)
		add_line(world, 1000);
	assert_true(world->access.failing);
	assert_true(world->dropped > 300);
	assert_int_equal(world->access.dropped, world->dropped);
	assert_int_equal(access_nearest(&world->access), CLOCK_NEVER);
	/* The reader comes back: the loop tells, without a line and without a timer. */
	size = read_all(world->pipe[0], bytes, 1 << 20);
	assert_int_equal(loop_wait(&world->loop, 10000), 1);
	loop_dispatch(&world->loop);
	assert_false(world->access.failing);
	assert_int_equal(world->access.dropped, 0);
	size += read_all(world->pipe[0], bytes + size, (1 << 20) - size);
	for (size_t at = 0; at < size; at += 1000, lines++) {
		assert_int_equal(bytes[at], '/');
		assert_int_equal(bytes[at + 999], '\n');
	}
	assert_int_equal(lines + world->dropped, 500);
	assert_int_equal(loop_wait(&world->loop, 0), 0);
	free(bytes);
}

static void a_reader_that_is_gone_costs_lines_and_nothing_else(void **state)
{
	struct world *world = *state;

	world_open(world, "%(target)s", world->pipe[1]);
	fd_close(&world->pipe[0]);
	for (unsigned i = 0; i < 200; i++)
		add_line(world, 1000);
	assert_true(world->dropped > 100);
	assert_int_equal(access_nearest(&world->access), CLOCK_NEVER);
	access_close(&world->access);
	assert_int_equal(world->dropped, 200);
}

static void a_full_disk_is_tried_again_with_the_next_line_a_second_later(void **state)
{
	struct world *world = *state;
	int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full_fd >= 0);
	world_open(world, "%(target)s", full_fd);
	add_line(world, 1000);
	access_turn(&world->access, 2000);
	access_tick(&world->access);
	assert_true(world->access.failing);
	assert_int_equal(access_nearest(&world->access), CLOCK_NEVER);
	assert_int_equal(dup3(world->pipe[1], world->access.fd, O_CLOEXEC), world->access.fd);
	access_turn(&world->access, 2999);
	access_tick(&world->access);
	assert_true(world->access.failing);
	access_turn(&world->access, 3000);
	access_tick(&world->access);
	assert_false(world->access.failing);
	assert_int_equal(world->dropped, 0);
	fd_close(&full_fd);
}

static void a_line_that_was_torn_is_not_completed_in_another_file(void **state)
{
	struct world *world = *state;
	char bytes[64];
	int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC), fd = fd_duplicate(world->pipe[1]);

	assert_true(full_fd >= 0 && fd >= 0);
	world_open(world, "%(target)s", full_fd);
	add_line(world, 10);
	world->access.torn = true; /* as after a write that took four bytes of it */
	memmove(world->access.buffer, world->access.buffer + 4, 6);
	world->access.used = 6;
	add_line(world, 10);
	access_reopen(&world->access, &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(read_all(world->pipe[0], bytes, sizeof(bytes)), 10);
	assert_int_equal(bytes[0], '/');
	assert_int_equal(world->dropped, 1);
	fd_close(&full_fd);
}

static void lines_so_far_go_to_the_old_file(void **state)
{
	struct world *world = *state;
	char bytes[64];
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	world_open(world, "%(target)s", world->pipe[1]);
	add_line(world, 10);
	access_reopen(&world->access, &fds[1]);
	assert_int_equal(read_all(world->pipe[0], bytes, sizeof(bytes)), 10);
	add_line(world, 20);
	access_turn(&world->access, 9000);
	access_tick(&world->access);
	assert_int_equal(read_all(world->pipe[0], bytes, sizeof(bytes)), 0);
	assert_int_equal(read_all(fds[0], bytes, sizeof(bytes)), 20);
	fd_close(&fds[0]);
}

static void notes_come_out_in_their_order_however_many(void **state)
{
	struct world *world = *state;
	char path[] = "/tmp/narwhal-access-XXXXXX", *bytes = malloc(1 << 20);
	int fd = mkostemp(path, O_CLOEXEC | O_APPEND);
	size_t size, at = 0;

	assert_true(fd >= 0 && bytes != NULL);
	world_open(world, "%(target)s", fd);
	for (unsigned i = 0; i < 3000; i++) {
		char target[32];

		(void)snprintf(target, sizeof(target), "/%u", i);
		note(world, target);
		if (i % 1000 == 500) {
			access_notes_fit(world->notes);
			assert_int_equal(world->notes->size, world->notes->used);
		}
	}
	access_notes_free(&world->notes);
	assert_null(world->notes);
	access_close(&world->access);
	size = (size_t)pread(fd, bytes, 1 << 20, 0);
	for (unsigned i = 0; i < 3000; i++) {
		char line[32];
		int length = snprintf(line, sizeof(line), "/%u\n", i);

		assert_true(at + (size_t)length <= size);
		assert_memory_equal(bytes + at, line, (size_t)length);
		at += (size_t)length;
	}
	assert_int_equal(at, size);
	assert_int_equal(world->dropped, 0);
	assert_int_equal(unlink(path), 0);
	fd_close(&fd);
	free(bytes);
}

static void a_variable_of_the_environment_is_its_value(void **state)
{
	struct world *world = *state;
	char bytes[64];

	assert_int_equal(setenv("ACCESS_TEST", "a\"b", 1), 0);
	world_open(world, "%({ACCESS_TEST}e)s %({ACCESS_NONE}e)s", world->pipe[1]);
	note(world, "/");
	access_notes_end(world->notes);
	access_close(&world->access);
	assert_int_equal(read_all(world->pipe[0], bytes, sizeof(bytes)), 9);
	assert_memory_equal(bytes, "a\\x22b -\n", 9);
}

int main(void)
{
#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		IN_A_WORLD(a_line_is_written_after_a_second_and_then_nobody_wakes),
		IN_A_WORLD(bytes_are_those_of_the_body_that_went_out),
		IN_A_WORLD(a_pipe_gets_pieces_of_whole_lines),
		IN_A_WORLD(a_blocked_reader_costs_whole_lines_that_are_counted),
		IN_A_WORLD(a_reader_that_is_gone_costs_lines_and_nothing_else),
		IN_A_WORLD(a_full_disk_is_tried_again_with_the_next_line_a_second_later),
		IN_A_WORLD(a_line_that_was_torn_is_not_completed_in_another_file),
		IN_A_WORLD(lines_so_far_go_to_the_old_file),
		IN_A_WORLD(notes_come_out_in_their_order_however_many),
		IN_A_WORLD(a_variable_of_the_environment_is_its_value),
	};
#undef IN_A_WORLD

	return cmocka_run_group_tests(tests, NULL, NULL);
}
