/* Who may ask for the metrics page, how often it is written, and that all who wait get the same. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "init/metrics_look.h"
#include "init/opening.h"
#include "init/scrape.h"

#define ASKERS 2

struct world {
	struct arbiter arbiter;
	int far_fd[ASKERS]; /* the exporters' ends */
};

static struct child *asker(struct world *w, unsigned i)
{
	return &w->arbiter.children[ARBITER_SLOTS + i];
}

static int begin(void **state)
{
	static struct world world;
	struct arbiter *a = &world.arbiter;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){0};
	assert_int_equal(opening_prepare(a, &why), 0);
	for (unsigned i = 0; i < ASKERS; i++) {
		struct child *child = asker(&world, i);

		a->roster.slots[ARBITER_SLOTS + i] =
			(struct slot){.state = STATE_SERVING, .role = PROCESS_EXPORTER};
		*child = (struct child){.arbiter = a, .slot = ARBITER_SLOTS + i, .page_fd = -1};
		assert_int_equal(channel_pair(&child->watch.fd, &world.far_fd[i]), 0);
	}
	*state = &world;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < ASKERS; i++) {
		fd_close(&asker(w, i)->watch.fd);
		fd_close(&w->far_fd[i]);
	}
	opening_close(&w->arbiter);
	return 0;
}

/* The file that came, or -1 when nothing did. */
static int answer_to(struct world *w, unsigned i)
{
	struct message message;

	if (channel_receive(w->far_fd[i], CHANNEL_ARBITER, &message) != 1)
		return -1;
	assert_int_equal(message.type, MESSAGE_METRICS);
	return message.fd;
}

static void who_asks_gets_a_sealed_page(void **state)
{
	struct world *w = *state;
	char head[7] = "";
	int fd;

	assert_int_equal(scrape_deadline(&w->arbiter), CLOCK_NEVER);
	assert_int_equal(scrape_ask(asker(w, 0)), 0);
	assert_true(scrape_deadline(&w->arbiter) <= w->arbiter.now_ms);
	scrape_turn(&w->arbiter);
	fd = answer_to(w, 0);
	assert_true(fd_is_sealed(fd));
	assert_int_equal(pread(fd, head, 6, 0), 6);
	assert_string_equal(head, "# HELP");
	assert_int_equal(answer_to(w, 1), -1);
	fd_close(&fd);
}

static void a_lost_line_counts_when_the_log_has_told_of_it_too(void **state)
{
	struct world *w = *state;
	struct metrics metrics;

	w->arbiter.log.dropped = 2;
	w->arbiter.log.told = 5;
	metrics_look(&w->arbiter, &metrics);
	assert_int_equal(metrics.log_dropped, 7);
	w->arbiter.log.dropped = 0;
}

static void who_asks_twice_or_is_no_exporter_misbehaves(void **state)
{
	struct world *w = *state;
	struct child worker = {.arbiter = &w->arbiter, .slot = 0};

	assert_int_equal(scrape_ask(asker(w, 0)), 0);
	assert_int_equal(scrape_ask(asker(w, 0)), -EPROTO);
	assert_int_equal(scrape_ask(&worker), -EPROTO);
}

static void a_page_is_written_no_more_than_once_in_its_time(void **state)
{
	struct world *w = *state;
	struct stat one, other;
	int fd[ASKERS];

	assert_int_equal(scrape_ask(asker(w, 0)), 0);
	scrape_turn(&w->arbiter);
	fd[0] = answer_to(w, 0);
	fd_close(&fd[0]);
	assert_int_equal(scrape_ask(asker(w, 0)), 0);
	assert_int_equal(scrape_ask(asker(w, 1)), 0);
	assert_int_equal(scrape_deadline(&w->arbiter), w->arbiter.now_ms + SCRAPE_PACE_MS);
	w->arbiter.now_ms += SCRAPE_PACE_MS - 1;
	scrape_turn(&w->arbiter);
	assert_int_equal(answer_to(w, 0), -1);
	w->arbiter.now_ms++;
	scrape_turn(&w->arbiter);
	for (unsigned i = 0; i < ASKERS; i++)
		fd[i] = answer_to(w, i);
	assert_int_equal(fstat(fd[0], &one), 0);
	assert_int_equal(fstat(fd[1], &other), 0);
	assert_int_equal(one.st_ino, other.st_ino);
	assert_int_equal(scrape_deadline(&w->arbiter), CLOCK_NEVER);
	for (unsigned i = 0; i < ASKERS; i++)
		fd_close(&fd[i]);
}

/* So many lines of the log there are of `scrapes` that are refused. */
static size_t refuse_scrapes(struct world *w, int log_fd, unsigned scrapes)
{
	struct rlimit limit;
	char bytes[4096];
	size_t lines = 0;
	ssize_t n;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, limit.rlim_max}), 0);
	for (unsigned i = 0; i < scrapes; i++) {
		assert_int_equal(scrape_ask(asker(w, 0)), 0);
		w->arbiter.now_ms += SCRAPE_PACE_MS;
		scrape_turn(&w->arbiter);
		assert_int_equal(answer_to(w, 0), -1);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	n = read(log_fd, bytes, sizeof(bytes) - 1);
	bytes[n > 0 ? n : 0] = '\0';
	for (const char *at = bytes; (at = strstr(at, " metrics_refused ")) != NULL; at++)
		lines++;
	return lines;
}

static void a_page_that_cannot_be_written_is_told_of_once(void **state)
{
	struct world *w = *state;
	int log_fd[2], fd;

	assert_int_equal(pipe2(log_fd, O_CLOEXEC | O_NONBLOCK), 0);
	w->arbiter.log = (struct log){.fd = log_fd[1], .level = LOG_INFO};
	assert_int_equal(refuse_scrapes(w, log_fd[0], 5), 1);
	assert_int_equal(refuse_scrapes(w, log_fd[0], 5), 0);
	assert_int_equal(scrape_ask(asker(w, 0)), 0);
	w->arbiter.now_ms += SCRAPE_PACE_MS;
	scrape_turn(&w->arbiter);
	fd = answer_to(w, 0);
	assert_true(fd >= 0);
	fd_close(&fd);
	assert_int_equal(refuse_scrapes(w, log_fd[0], 5), 1);
	w->arbiter.log.fd = STDERR_FILENO;
	fd_close(&log_fd[0]);
	fd_close(&log_fd[1]);
}

static void one_that_is_gone_keeps_nobody_waiting(void **state)
{
	struct world *w = *state;
	int fd;

	assert_int_equal(scrape_ask(asker(w, 0)), 0);
	assert_int_equal(scrape_ask(asker(w, 1)), 0);
	fd_close(&asker(w, 0)->watch.fd);
	scrape_turn(&w->arbiter);
	assert_int_equal(scrape_deadline(&w->arbiter), CLOCK_NEVER);
	fd = answer_to(w, 1);
	assert_true(fd >= 0);
	fd_close(&fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(who_asks_gets_a_sealed_page),
		CASE(a_lost_line_counts_when_the_log_has_told_of_it_too),
		CASE(who_asks_twice_or_is_no_exporter_misbehaves),
		CASE(a_page_is_written_no_more_than_once_in_its_time),
		CASE(a_page_that_cannot_be_written_is_told_of_once),
		CASE(one_that_is_gone_keeps_nobody_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
