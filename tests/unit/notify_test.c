/* The protocol of sd_notify(3), against a socket that plays the manager. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/notify.h"

#define OURS 42

struct fixture {
	char path[108];
	int fd; /* the manager's */
	struct notify notify;
	char why_bytes[256];
	struct text why;
	char datagram[512];
};

static void listen_at(struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(f->path);

	memcpy(address.sun_path, f->path, size);
	if (f->path[0] == '@')
		address.sun_path[0] = '\0';
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (const struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
		0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->fd = f->notify.fd = -1;
	f->why = TEXT_OVER(f->why_bytes);
	snprintf(f->path, sizeof(f->path), "/tmp/notify_test.%d", (int)getpid());
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	notify_close(&f->notify);
	fd_close(&f->fd);
	(void)unlink(f->path);
	free(f);
	return 0;
}

static int open_with(struct fixture *f, const char *usec, const char *pid)
{
	const struct notify_question question = {f->path, usec, pid};

	return notify_open(&f->notify, &question, OURS, 1000, &f->why);
}

/* The next datagram, or "". */
static const char *receive(struct fixture *f)
{
	ssize_t n = recv(f->fd, f->datagram, sizeof(f->datagram) - 1, MSG_DONTWAIT);

	f->datagram[n > 0 ? n : 0] = '\0';
	return f->datagram;
}

static void a_state_reaches_a_path_and_an_abstract_name(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		listen_at(f);
		assert_int_equal(open_with(f, NULL, NULL), 0);
		assert_true(notify_wanted(&f->notify));
		assert_int_equal(fcntl(f->notify.fd, F_GETFD), FD_CLOEXEC);
		notify_tell(&f->notify, "READY=1\nSTATUS=fine", 1000);
		assert_string_equal(receive(f), "READY=1\nSTATUS=fine");
		assert_string_equal(receive(f), "");
		assert_int_equal(notify_deadline(&f->notify), CLOCK_NEVER);
		notify_close(&f->notify);
		fd_close(&f->fd);
		(void)unlink(f->path);
		snprintf(f->path, sizeof(f->path), "@notify_test.%d", (int)getpid());
	}
}

static void without_a_socket_nobody_is_told(void **state)
{
	static const struct notify_question none = {NULL, "1000000", NULL},
					    empty = {"", NULL, NULL};
	struct fixture *f = *state;

	assert_int_equal(notify_open(&f->notify, &none, OURS, 0, &f->why), 0);
	assert_false(notify_wanted(&f->notify));
	assert_int_equal(notify_deadline(&f->notify), CLOCK_NEVER);
	notify_tell(&f->notify, "READY=1", 0);
	notify_tell_reloading(&f->notify, "", 0);
	notify_turn(&f->notify, 1000);
	assert_int_equal(notify_open(&f->notify, &empty, OURS, 0, &f->why), 0);
	assert_false(notify_wanted(&f->notify));
}

static void a_bad_value_is_refused_with_a_sentence(void **state)
{
	static const struct {
		struct notify_question question;
		const char *why;
	} rows[] = {
		{{"run/notify", NULL, NULL},
			"NOTIFY_SOCKET: \"run/notify\" is not a socket's path"},
		{{"vsock:2:1", NULL, NULL}, "NOTIFY_SOCKET: \"vsock:2:1\" is not a socket's path"},
		{{"@", NULL, NULL}, "NOTIFY_SOCKET: \"@\" is not a socket's path"},
		{{"/x", "soon", NULL}, "WATCHDOG_USEC: \"soon\" is no number of microseconds"},
		{{"/x", "0", NULL}, "WATCHDOG_USEC: \"0\" is no number of microseconds"},
		{{"/x", "1", "me"}, "WATCHDOG_PID: \"me\" is no pid"},
	};
	struct fixture *f = *state;
	char name[200] = "/";

	memset(name + 1, 'x', sizeof(name) - 2);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		f->why = TEXT_OVER(f->why_bytes);
		assert_int_equal(notify_open(&f->notify, &rows[i].question, OURS, 0, &f->why),
			-EINVAL);
		assert_memory_equal(f->why_bytes, rows[i].why, strlen(rows[i].why));
		assert_int_equal(notify_deadline(&f->notify), CLOCK_NEVER);
		notify_close(&f->notify);
	}
	f->why = TEXT_OVER(f->why_bytes);
	assert_int_equal(notify_open(&f->notify, &(struct notify_question){.socket = name}, OURS, 0,
				 &f->why),
		-EINVAL);
	assert_non_null(strstr(f->why_bytes, "is too long"));
}

static void reloading_comes_with_the_monotonic_time_in_microseconds(void **state)
{
	struct fixture *f = *state;
	struct timespec before, after;
	unsigned long long usec = 0;
	char rest[64] = "";

	listen_at(f);
	assert_int_equal(open_with(f, NULL, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	notify_tell_reloading(&f->notify, "STATUS=again", 1000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(sscanf(receive(f), "RELOADING=1\nMONOTONIC_USEC=%llu\n%63s", &usec, rest),
		2);
	assert_string_equal(rest, "STATUS=again");
	assert_true(usec >= (unsigned long long)before.tv_sec * 1000000 +
				    (unsigned long long)before.tv_nsec / 1000);
	assert_true(usec <= (unsigned long long)after.tv_sec * 1000000 +
				    (unsigned long long)after.tv_nsec / 1000);
}

static void what_the_manager_does_not_take_is_sent_again_and_the_latest_counts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, NULL, NULL), 0); /* nobody is there yet */
	notify_tell(&f->notify, "READY=1", 1000);
	assert_int_equal(notify_deadline(&f->notify), 1250);
	notify_tell(&f->notify, "STOPPING=1", 1100);
	assert_int_equal(notify_deadline(&f->notify), 1350);
	listen_at(f);
	notify_turn(&f->notify, 1349);
	assert_string_equal(receive(f), "");
	notify_turn(&f->notify, 1350);
	assert_string_equal(receive(f), "STOPPING=1");
	assert_string_equal(receive(f), "");
	assert_int_equal(notify_deadline(&f->notify), CLOCK_NEVER);
}

static void a_manager_whose_queue_is_full_is_not_waited_for(void **state)
{
	struct fixture *f = *state;

	listen_at(f);
	assert_int_equal(open_with(f, NULL, NULL), 0);
	for (int i = 0; i < 100000 && notify_deadline(&f->notify) == CLOCK_NEVER; i++)
		notify_tell(&f->notify, "STATUS=x", 1000);
	assert_int_equal(notify_deadline(&f->notify), 1250);
	while (receive(f)[0] != '\0')
		continue;
	notify_turn(&f->notify, 1250);
	assert_string_equal(receive(f), "STATUS=x");
}

static void the_watchdog_is_fed_twice_in_its_time(void **state)
{
	struct fixture *f = *state;

	listen_at(f);
	assert_int_equal(open_with(f, "3000000", "42"), 0);
	assert_int_equal(notify_deadline(&f->notify), 1000);
	notify_turn(&f->notify, 1000);
	assert_string_equal(receive(f), "WATCHDOG=1");
	assert_int_equal(notify_deadline(&f->notify), 2500);
	notify_turn(&f->notify, 2499);
	assert_string_equal(receive(f), "");
	notify_turn(&f->notify, 2600);
	assert_string_equal(receive(f), "WATCHDOG=1");
	assert_int_equal(notify_deadline(&f->notify), 4100);
}

static void the_watchdog_of_another_process_is_not_fed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_with(f, "3000000", "43"), 0);
	assert_int_equal(notify_deadline(&f->notify), CLOCK_NEVER);
	notify_close(&f->notify);
	assert_int_equal(open_with(f, "1", NULL),
		0); /* for whoever it is; never more than a 1 ms */
	assert_int_equal(f->notify.watchdog_ms, 1);
	notify_close(&f->notify);
	assert_int_equal(open_with(f, NULL, "42"), 0);
	assert_int_equal(notify_deadline(&f->notify), CLOCK_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_state_reaches_a_path_and_an_abstract_name),
		TEST(without_a_socket_nobody_is_told),
		TEST(a_bad_value_is_refused_with_a_sentence),
		TEST(reloading_comes_with_the_monotonic_time_in_microseconds),
		TEST(what_the_manager_does_not_take_is_sent_again_and_the_latest_counts),
		TEST(a_manager_whose_queue_is_full_is_not_waited_for),
		TEST(the_watchdog_is_fed_twice_in_its_time),
		TEST(the_watchdog_of_another_process_is_not_fed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
