/* What is decided of workers that are programs: their words, their notices, whose child they are.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "init/gossip.h"
#include "init/lineage.h"
#include "init/notice.h"
#include "init/noticeboard.h"
#include "init/opening.h"
#include "init/outsider.h"
#include "init/placeholders.h"
#include "init/sentry.h"

static void assert_filled(const char *words, const char *wanted)
{
	static const uint64_t values[PLACEHOLDERS] = {
		[PLACEHOLDER_fd] = 3,
		[PLACEHOLDER_port] = 8080,
		[PLACEHOLDER_slot] = 0,
		[PLACEHOLDER_generation] = 12,
	};
	char bytes[128];
	struct text text = TEXT_OVER(bytes);

	placeholders_fill(words, values, &text);
	assert_string_equal(bytes, wanted);
}

static void placeholders_are_filled_and_other_braces_stay(void **state)
{
	(void)state;
	assert_filled("-- a --fd {fd} --port={port}", "-- a --fd 3 --port=8080");
	assert_filled("{slot}{generation}{slot}", "0120");
	assert_filled("{} {fd {FD} {ports} {\"a\":1} {", "{} {fd {FD} {ports} {\"a\":1} {");
	assert_filled("{{fd}}", "{3}");
	assert_filled("", "");
	assert_true(placeholders_has("a{port}", PLACEHOLDER_port));
	assert_false(placeholders_has("a{fd}", PLACEHOLDER_port));
}

static void assert_said(const char *bytes, size_t size, unsigned wanted)
{
	struct notice_found found;

	notice_read(bytes, size, &found);
	for (enum notice i = 0; i < NOTICES; i++)
		assert_int_equal(found.said[i], (wanted >> i) & 1);
}

#define SAID(bytes, wanted) assert_said((bytes), sizeof(bytes) - 1, (wanted))

static void lines_of_a_notice_are_known_whole(void **state)
{
	(void)state;
	SAID("READY=1", 1U << NOTICE_READY);
	SAID("READY=1\n", 1U << NOTICE_READY);
	SAID("STATUS=ok\nREADY=1\nWATCHDOG=1\n",
		1U << NOTICE_STATUS | 1U << NOTICE_READY | 1U << NOTICE_BEAT);
	SAID("WATCHDOG=trigger", 1U << NOTICE_TRIGGER);
	SAID("RELOADING=1\nMONOTONIC_USEC=12", 1U << NOTICE_RELOAD);
	SAID("STOPPING=1", 1U << NOTICE_STOPPING);
	SAID("MAINPID=17", 1U << NOTICE_MAINPID);
}

static void what_makes_no_sense_is_passed_over(void **state)
{
	(void)state;
	SAID("", 0);
	SAID("\n\n\n", 0);
	SAID("READY=10", 0);
	SAID("READY=", 0);
	SAID(" READY=1", 0);
	SAID("READY=1\0", 0);
	SAID("X\0READY=1", 0);
	SAID("FDSTORE=1\nERRNO=2\nBARRIER=1", 0);
	SAID("STATUS", 0);
}

static void a_value_is_where_it_stands(void **state)
{
	static const char bytes[] = "STATUS=one\nSTATUS=two = 2\nREADY=1";
	struct notice_found found;

	(void)state;
	notice_read(bytes, sizeof(bytes) - 1, &found);
	assert_int_equal(found.size[NOTICE_STATUS], 7);
	assert_memory_equal(found.value[NOTICE_STATUS], "two = 2", 7);
}

static void assert_parent(const char *bytes, pid_t wanted)
{
	assert_int_equal(lineage_parse(bytes, strlen(bytes)), wanted);
}

static void a_parent_stands_behind_a_name_that_may_hold_anything(void **state)
{
	(void)state;
	assert_parent("17 (node) S 5 17 5 0", 5);
	assert_parent("17 (a) S 9 (b) R 1234 1 1", 1234);
	assert_parent("1 (init) S 0 1 1", 0);
	assert_parent("17 (node) S 5", -EINVAL);
	assert_parent("17 (node", -EINVAL);
	assert_parent("17 (node) S -5 1", -EINVAL);
	assert_parent("", -EINVAL);
	assert_int_equal(lineage_parent(getpid()), getppid());
}

static void an_epoll_set_that_holds_the_listener_watches_it(void **state)
{
	static const char line[] =
		"tfd:        3 events: 40000001 data:                3  pos:0 ino:1a2b sdev:8\n";

	(void)state;
	assert_true(sentry_is_watching(line, 0x1a2b));
	assert_false(sentry_is_watching(line, 0x1a2));
	assert_false(sentry_is_watching(line + 1, 0x1a2b));
	assert_false(sentry_is_watching("tfd:        3 events:       19\n", 0));
	assert_false(sentry_is_watching("ino:\t6699\n", 6699));
}

static void who_sleeps_in_accept_or_poll_waits_and_who_sleeps_elsewhere_does_not(void **state)
{
	static const char *const waits[] = {"inet_csk_accept", "__skb_wait_for_more_packets",
		"do_poll.constprop.0", "do_sys_poll", "do_select", "poll_schedule_timeout"};
	static const char *const others[] = {"0", "", "ep_poll", "hrtimer_nanosleep",
		"futex_wait_queue", "do_wait", "pipe_read"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(waits); i++)
		assert_true(sentry_is_waiting(waits[i]));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(sentry_is_waiting(others[i]));
}

/* A worker in slot 0 that boots. */
static struct child *prepare(struct arbiter *a)
{
	struct child *child;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){0};
	assert_int_equal(opening_prepare(a, &why), 0);
	assert_int_equal(loop_open(&a->loop), 0);
	a->log.fd = -1;
	a->roster.slots[0].state = STATE_BOOTING;
	child = &a->children[0];
	*child = (struct child){.watch = {.fd = -1, .ready = gossip_read},
		.arbiter = a,
		.page_fd = -1,
		.notifier = {.fd = -1},
		.outsider = true,
		.ready_by = EXEC_READY_NOTIFY};
	return child;
}

static void tell(struct child *child, const char *line)
{
	struct notice_found found;

	notice_read(line, strlen(line), &found);
	outsider_hear(child, &found);
}

static void one_that_beats_before_it_is_ready_is_watched_from_then_on(void **state)
{
	static struct arbiter a;
	struct child *child = prepare(&a);

	(void)state;
	child->executed = true;
	child->timeout_ms = 1000;
	a.now_ms = 100000;
	tell(child, "WATCHDOG=1");
	assert_int_equal(child->look_ms, 101000);
	a.now_ms = 101000;
	outsider_missed(child);
	assert_int_equal(a.roster.slots[0].state, STATE_BOOTING);
	assert_int_equal(child->look_ms, 102000);
	opening_close(&a);
}

/* Its channel is closed by the exec, and the message that comes behind that may be read first. */
static void one_that_is_heard_before_its_exec_is_seen_goes_on_serving(void **state)
{
	static struct arbiter a;
	struct child *child = prepare(&a);
	int worker_fd;

	(void)state;
	assert_int_equal(channel_pair(&child->watch.fd, &worker_fd), 0);
	assert_int_equal(loop_add(&a.loop, &child->watch, EPOLLIN), 0);
	fd_close(&worker_fd);
	assert_int_equal(loop_wait(&a.loop, 0), 1);
	tell(child, "READY=1");
	assert_int_equal(a.roster.slots[0].state, STATE_SERVING);
	loop_dispatch(&a.loop);
	assert_int_equal(a.roster.slots[0].state, STATE_SERVING);
	assert_int_equal(child->watch.fd, -1);
	opening_close(&a);
}

/* As many as go in: the kernel's queue is short (net.unix.max_dgram_qlen). */
static unsigned shout(int fd)
{
	unsigned n = 0;

	while (send(fd, "STATUS=x", 8, MSG_DONTWAIT) == 8)
		n++;
	return n;
}

static int connect_noticeboard(const struct arbiter *a)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char bytes[sizeof(address.sun_path)];
	struct text name = TEXT_OVER(bytes);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(noticeboard_name(a, &name), 0);
	memcpy(address.sun_path + 1, bytes + 1, name.used - 1); /* its "@" is a NUL */
	assert_int_equal(connect(fd, (const struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name.used)),
		0);
	return fd;
}

static void who_floods_the_noticeboard_waits_and_nothing_is_lost(void **state)
{
	static struct arbiter a;
	unsigned sent = 0, turns = 0;
	int fd;

	(void)state;
	(void)prepare(&a);
	a.now_ms = 100000;
	assert_int_equal(noticeboard_open(&a), 0);
	fd = connect_noticeboard(&a);
	do
		sent += shout(fd);
	while (loop_wait(&a.loop, 0) != 0 && (loop_dispatch(&a.loop), ++turns < 1000));
	assert_in_range(turns, 1, 64);
	assert_true(a.notices.heard >= 64 && a.notices.heard < sent);
	assert_int_equal(noticeboard_deadline(&a), 100100);
	noticeboard_turn(&a);
	assert_int_equal(loop_wait(&a.loop, 0), 0);
	a.now_ms = 100100;
	noticeboard_turn(&a);
	assert_int_equal(noticeboard_deadline(&a), CLOCK_NEVER);
	assert_int_equal(loop_wait(&a.loop, 0), 1);
	sent -= a.notices.heard;
	while (loop_wait(&a.loop, 0) != 0)
		loop_dispatch(&a.loop);
	assert_int_equal(a.notices.heard, sent);
	fd_close(&fd);
	opening_close(&a);
}

/* The child has the other end of the channel and this one's word, and does what is told of it. */
static void begin_child(struct child *child, void (*act)(void))
{
	int worker_fd;
	pid_t pid;

	assert_int_equal(channel_pair(&child->watch.fd, &worker_fd), 0);
	assert_int_equal(loop_add(&child->arbiter->loop, &child->watch, EPOLLIN), 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
		act();
		_exit(1);
	}
	assert_true(pid > 0);
	fd_close(&worker_fd);
	child->arbiter->roster.slots[0].pid = pid;
	child->ready_by = EXEC_READY_START;
	assert_int_equal(loop_wait(&child->arbiter->loop, -1), 1);
	loop_dispatch(&child->arbiter->loop);
}

static void die(void)
{
	(void)raise(SIGKILL);
}

static void execute(void)
{
	(void)execlp("sleep", "sleep", "1000", (char *)NULL);
}

/* A death closes the channel as an exec does, a moment before it can be reaped. */
static void one_that_dies_before_its_exec_is_never_ready(void **state)
{
	static struct arbiter a;

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct child *child = prepare(&a);

		begin_child(child, die);
		assert_int_equal(a.roster.slots[0].state, STATE_SILENT);
		assert_false(child->executed);
		assert_int_equal(waitpid(a.roster.slots[0].pid, NULL, 0), a.roster.slots[0].pid);
		opening_close(&a);
	}
}

static void one_that_is_executed_is_ready_where_that_is_enough(void **state)
{
	static struct arbiter a;
	struct child *child = prepare(&a);

	(void)state;
	begin_child(child, execute);
	assert_int_equal(a.roster.slots[0].state, STATE_SERVING);
	assert_true(child->executed);
	assert_int_equal(kill(a.roster.slots[0].pid, SIGKILL), 0);
	assert_int_equal(waitpid(a.roster.slots[0].pid, NULL, 0), a.roster.slots[0].pid);
	opening_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_are_filled_and_other_braces_stay),
		cmocka_unit_test(lines_of_a_notice_are_known_whole),
		cmocka_unit_test(what_makes_no_sense_is_passed_over),
		cmocka_unit_test(a_value_is_where_it_stands),
		cmocka_unit_test(a_parent_stands_behind_a_name_that_may_hold_anything),
		cmocka_unit_test(one_that_beats_before_it_is_ready_is_watched_from_then_on),
		cmocka_unit_test(one_that_is_heard_before_its_exec_is_seen_goes_on_serving),
		cmocka_unit_test(who_floods_the_noticeboard_waits_and_nothing_is_lost),
		cmocka_unit_test(one_that_dies_before_its_exec_is_never_ready),
		cmocka_unit_test(one_that_is_executed_is_ready_where_that_is_enough),
		cmocka_unit_test(an_epoll_set_that_holds_the_listener_watches_it),
		cmocka_unit_test(
			who_sleeps_in_accept_or_poll_waits_and_who_sleeps_elsewhere_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
