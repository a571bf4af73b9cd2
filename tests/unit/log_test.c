/* One event, one line; a reader that does not read costs lines, never time. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"

#define TIME_SIZE (sizeof("2026-11-20T11:50:00.123Z") - 1)

struct world {
	struct log log;
	int reader;
	char line[1 << 17]; /* more than a pipe has: a page at least, which may be of 64 KiB */
};

/* The pipe is a blocking one, as a container's is: not to wait is log.c's business. */
static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	int fds[2];

	assert_non_null(world);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 8192) >= 8192);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	world->log = (struct log){.fd = fds[1], .level = LOG_DEBUG};
	world->reader = fds[0];
	*state = world;
	(void)alarm(10);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	(void)alarm(0);
	fd_close(&world->log.fd);
	fd_close(&world->reader);
	free(world);
	return 0;
}

/* All that was written since; "" when there is nothing. */
static const char *written(struct world *world)
{
	ssize_t n = read(world->reader, world->line, sizeof(world->line) - 1);

	world->line[n > 0 ? n : 0] = '\0';
	return world->line;
}

static void a_line_is_time_level_event_and_fields(void **state)
{
	struct world *world = *state;
	const char *line;

	log_info(&world->log, "worker_exit", log_uint("slot", 2), log_string("signal", "SIGSYS"),
		log_int("status", -1), log_errno("error", -ENOENT));
	line = written(world);
	assert_string_equal(line + TIME_SIZE,
		" info worker_exit slot=2 signal=SIGSYS status=-1 error=ENOENT\n");
	assert_int_equal(strspn(line, "0123456789-:.TZ"), TIME_SIZE);
	log_warning(&world->log, "alone");
	assert_string_equal(written(world) + TIME_SIZE, " warning alone\n");
	log_error(&world->log, "e", log_uint("most", UINT64_MAX), log_int("least", INT64_MIN));
	assert_string_equal(written(world) + TIME_SIZE,
		" error e most=18446744073709551615 least=-9223372036854775808\n");
}

static void as_json_it_is_one_object(void **state)
{
	struct world *world = *state;
	const char *line;

	world->log.json = true;
	log_info(&world->log, "worker_exit", log_uint("slot", 2), log_string("signal", "SIGSYS"),
		log_string("none", NULL), log_string("text", "a\"b\n"));
	line = written(world);
	assert_memory_equal(line, "{\"time\":\"", 9);
	assert_string_equal(line + 9 + TIME_SIZE,
		"\",\"level\":\"info\",\"event\":\"worker_exit\",\"slot\":2,"
		"\"signal\":\"SIGSYS\",\"none\":\"-\",\"text\":\"a\\\"b\\u000a\"}\n");
}

static void less_important_lines_are_not_written(void **state)
{
	struct world *world = *state;

	world->log.level = LOG_WARNING;
	log_debug(&world->log, "no");
	log_info(&world->log, "no");
	assert_string_equal(written(world), "");
	log_warning(&world->log, "yes");
	assert_string_not_equal(written(world), "");
	assert_int_equal(world->log.dropped, 0);
}

static void text_that_is_not_plain_is_quoted(void **state)
{
	static const char *const rows[][2] = {
		{"plain", "plain"},
		{"/a/b-c_d.e:f,g;h?i&j", "/a/b-c_d.e:f,g;h?i&j"},
		{"", "\"\""},
		{"a b", "\"a b\""},
		{"a=b", "\"a=b\""},
		{"a\"b", "\"a\\\"b\""},
		{"a\\b", "\"a\\\\b\""},
		{"a\nfake info event", "\"a\\x0afake info event\""},
		{"\x1b[2J", "\"\\x1b[2J\""},
		{"caf\xc3\xa9", "\"caf\\xc3\\xa9\""},
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char expected[128];

		log_info(&world->log, "e", log_string("v", rows[i][0]));
		(void)snprintf(expected, sizeof(expected), " info e v=%s\n", rows[i][1]);
		assert_string_equal(written(world) + TIME_SIZE, expected);
	}
	log_info(&world->log, "e", log_string("v", NULL));
	assert_string_equal(written(world) + TIME_SIZE, " info e v=-\n");
	log_info(&world->log, "e", log_errno("v", 99999));
	assert_string_equal(written(world) + TIME_SIZE, " info e v=unknown\n");
}

/* Every length around the limit: one line, closed, of at most LOG_LINE_MAX bytes. */
static void a_line_too_long_is_cut_and_still_a_line(void **state)
{
	struct world *world = *state;
	char *value = test_malloc(LOG_LINE_MAX + 200);

	for (size_t size = LOG_LINE_MAX - 200; size < LOG_LINE_MAX + 200; size++) {
		memset(value, 'v', size);
		value[size - 1] = '\0';
		world->log.json = size % 2 != 0;
		log_info(&world->log, "e", log_string("v", value), log_uint("n", 1));
		(void)written(world);
		assert_in_range(strlen(world->line), 40, LOG_LINE_MAX);
		assert_ptr_equal(strchr(world->line, '\n'), world->line + strlen(world->line) - 1);
		if (world->log.json)
			assert_string_equal(world->line + strlen(world->line) - 2, "}\n");
		else if (strstr(world->line, " n=1") == NULL)
			assert_string_equal(world->line + strlen(world->line) - 4, "...\n");
	}
	assert_int_equal(world->log.dropped, 0);
	test_free(value);
}

static void a_json_member_that_does_not_fit_is_left_out_whole(void **state)
{
	struct world *world = *state;
	char value[LOG_LINE_MAX];

	memset(value, '\n', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	world->log.json = true;
	log_info(&world->log, "e", log_uint("a", 1), log_string("v", value), log_uint("b", 2));
	(void)written(world);
	assert_string_equal(world->line + 9 + TIME_SIZE,
		"\",\"level\":\"info\",\"event\":\"e\",\"a\":1,\"b\":2}\n");
}

static void a_full_pipe_never_blocks_and_the_loss_is_told(void **state)
{
	struct world *world = *state;
	char value[1000], head[64];
	uint64_t told;
	unsigned lines = 0;

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	while (world->log.dropped < 3 && lines < 1000) {
		log_info(&world->log, "fill", log_string("v", value));
		lines++;
	}
	assert_int_equal(world->log.dropped, 3);
	told = world->log.told;
	while (*written(world) != '\0')
		continue;
	log_info(&world->log, "after");
	(void)written(world);
	(void)snprintf(head, sizeof(head), " warning log_dropped lines=3\n");
	assert_memory_equal(world->line + TIME_SIZE, head, strlen(head));
	assert_string_equal(world->line + TIME_SIZE + strlen(head) + TIME_SIZE, " info after\n");
	assert_int_equal(world->log.dropped, 0);
	assert_int_equal(world->log.told, told + 3);
}

static void every_line_in_a_full_pipe_is_whole(void **state)
{
	struct world *world = *state;
	char value[700];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (unsigned i = 0; i < 100; i++)
		log_info(&world->log, "fill", log_string("v", value));
	assert_true(world->log.dropped > 0);
	/* A short line may still fit where a long one did not: log_dropped is such a one. */
	(void)written(world);
	for (char *line = world->line, *end; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (strstr(line, " warning log_dropped lines=") == NULL)
			assert_int_equal(strlen(line), TIME_SIZE + strlen(" info fill v=") + 699);
		assert_int_equal(strspn(line, "0123456789-:.TZ"), TIME_SIZE);
	}
}

static void a_reader_that_is_gone_kills_nobody(void **state)
{
	struct world *world = *state;
	void (*before)(int) = signal(SIGPIPE, SIG_IGN); /* as both programs do, by blocking it */

	fd_close(&world->reader);
	log_info(&world->log, "e");
	log_info(&world->log, "e");
	assert_int_equal(world->log.dropped, 2);
	(void)signal(SIGPIPE, before);
}

static void a_file_takes_every_line_at_its_end(void **state)
{
	struct world *world = *state;
	char name[] = "/tmp/narwhal-log-XXXXXX", content[4096] = "";
	int fd = mkostemp(name, O_CLOEXEC | O_APPEND);
	struct log log = {.fd = fd};

	(void)world;
	assert_true(fd >= 0);
	log_info(&log, "one");
	log_info(&log, "two");
	assert_int_equal(log.dropped, 0);
	assert_int_equal(pread(fd, content, sizeof(content) - 1, 0),
		2 * (TIME_SIZE + sizeof(" info one\n") - 1));
	assert_string_equal(content + TIME_SIZE + 10 + TIME_SIZE, " info two\n");
	fd_close(&fd);
	assert_int_equal(unlink(name), 0);
}

static void a_stream_socket_works_as_a_pipe_does(void **state)
{
	struct world *world = *state;
	int fds[2];
	struct log log = {.level = LOG_DEBUG};
	char line[256] = "";

	(void)world;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	log.fd = fds[0];
	log_info(&log, "one");
	assert_true(read(fds[1], line, sizeof(line) - 1) > 0);
	assert_string_equal(line + TIME_SIZE, " info one\n");
	for (unsigned i = 0; i < 100000 && log.dropped == 0; i++)
		log_info(&log, "fill");
	assert_int_equal(log.dropped, 1);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

#define WITH_A_PIPE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Nobody reads the other end: a write of the common kind would wait for ever. */
static void a_terminal_that_nobody_reads_costs_lines_and_no_time(void **state)
{
	struct world *world = *state;
	FD_SCOPED master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	FD_SCOPED terminal = -1;
	char name[64];

	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
	terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	fd_close(&world->log.fd);
	world->log.fd = log_descriptor(terminal);
	assert_int_not_equal(world->log.fd, terminal);
	for (int i = 0; i < 10000 && world->log.dropped < 100; i++)
		log_info(&world->log, "test", log_int("line", i));
	assert_int_equal(world->log.dropped, 100);
	assert_int_equal(fcntl(terminal, F_GETFL) & O_NONBLOCK, 0);
}

static void a_file_needs_no_descriptor_of_its_own(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(log_descriptor(fileno(file)), fileno(file));
	assert_int_equal(fclose(file), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_PIPE(a_line_is_time_level_event_and_fields),
		WITH_A_PIPE(as_json_it_is_one_object),
		WITH_A_PIPE(less_important_lines_are_not_written),
		WITH_A_PIPE(text_that_is_not_plain_is_quoted),
		WITH_A_PIPE(a_line_too_long_is_cut_and_still_a_line),
		WITH_A_PIPE(a_json_member_that_does_not_fit_is_left_out_whole),
		WITH_A_PIPE(a_full_pipe_never_blocks_and_the_loss_is_told),
		WITH_A_PIPE(every_line_in_a_full_pipe_is_whole),
		WITH_A_PIPE(a_reader_that_is_gone_kills_nobody),
		WITH_A_PIPE(a_file_takes_every_line_at_its_end),
		WITH_A_PIPE(a_stream_socket_works_as_a_pipe_does),
		WITH_A_PIPE(a_terminal_that_nobody_reads_costs_lines_and_no_time),
		cmocka_unit_test(a_file_needs_no_descriptor_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
