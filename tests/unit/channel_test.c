/* The line between the arbiter and a worker: nothing that a worker sends can surprise. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/fd.h"

static const struct {
	enum channel_side from;
	size_t most;
} rows[MESSAGES] = {
#define MESSAGE(name, from, most, descriptor, meaning) {CHANNEL_##from, (most)},
#include "base/messages.def"
#undef MESSAGE
};

struct world {
	int arbiter, worker;
	struct message message;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(channel_pair(&world->arbiter, &world->worker), 0);
	*state = world;
	(void)alarm(10); /* nothing here may wait */
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	(void)alarm(0);
	fd_close(&world->arbiter);
	fd_close(&world->worker);
	free(world);
	return 0;
}

/* Bytes as a broken or a hostile worker sends them; what the arbiter makes of it. */
static int receive_raw(struct world *world, uint32_t head, size_t size)
{
	char bytes[sizeof(head) + 2 * CHANNEL_PAYLOAD_MAX];

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, &head, sizeof(head));
	assert_int_equal(send(world->worker, bytes, size, 0), size);
	return channel_receive(world->arbiter, CHANNEL_WORKER, &world->message);
}

static void both_ends_close_on_exec_and_do_not_wait(void **state)
{
	struct world *world = *state;

	assert_int_equal(fcntl(world->arbiter, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(world->worker, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(world->arbiter, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(world->worker, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), 0);
	assert_int_equal(channel_receive(world->worker, CHANNEL_ARBITER, &world->message), 0);
}

static void every_message_arrives_as_it_was_sent(void **state)
{
	struct world *world = *state;
	char payload[CHANNEL_PAYLOAD_MAX];

	memset(payload, 'p', sizeof(payload));
	for (uint32_t type = 0; type < MESSAGES; type++) {
		bool up = rows[type].from == CHANNEL_WORKER;
		int from = up ? world->worker : world->arbiter;
		int to = up ? world->arbiter : world->worker;

		assert_int_equal(channel_send(from, (enum message_type)type, payload,
					 rows[type].most),
			0);
		assert_int_equal(channel_receive(to, rows[type].from, &world->message), 1);
		assert_int_equal(world->message.type, type);
		assert_int_equal(world->message.size, rows[type].most);
		assert_int_equal(strlen(world->message.payload), rows[type].most);
		assert_int_equal(channel_receive(to, rows[type].from, &world->message), 0);
	}
}

static void messages_keep_their_order_and_their_borders(void **state)
{
	struct world *world = *state;

	assert_int_equal(channel_send(world->worker, MESSAGE_BOOT_FAILED, "first", 5), 0);
	assert_int_equal(channel_send(world->worker, MESSAGE_READY, NULL, 0), 0);
	assert_int_equal(channel_send(world->worker, MESSAGE_BOOT_FAILED, "2", 1), 0);
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), 1);
	assert_string_equal(world->message.payload, "first");
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), 1);
	assert_int_equal(world->message.type, MESSAGE_READY);
	assert_string_equal(world->message.payload, "");
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), 1);
	assert_string_equal(world->message.payload, "2");
}

static void a_message_of_the_other_side_is_none(void **state)
{
	struct world *world = *state;

	for (uint32_t type = 0; type < MESSAGES; type++) {
		if (rows[type].from == CHANNEL_ARBITER)
			assert_int_equal(receive_raw(world, type, 4), -EBADMSG);
	}
}

static void an_unknown_type_is_no_message(void **state)
{
	assert_int_equal(receive_raw(*state, MESSAGES, 4), -EBADMSG);
	assert_int_equal(receive_raw(*state, UINT32_MAX, 4), -EBADMSG);
	assert_int_equal(receive_raw(*state, 0x80000000u, 4), -EBADMSG);
}

static void a_wrong_size_is_no_message(void **state)
{
	static const size_t too_large[] = {4 + CHANNEL_PAYLOAD_MAX + 1, 4 + CHANNEL_PAYLOAD_MAX + 2,
		4 + 2 * CHANNEL_PAYLOAD_MAX};

	for (size_t size = 1; size < sizeof(uint32_t); size++)
		assert_int_equal(receive_raw(*state, MESSAGE_READY, size), -EBADMSG);
	assert_int_equal(receive_raw(*state, MESSAGE_READY, 5), -EBADMSG);
	for (size_t i = 0; i < COUNT_OF(too_large); i++)
		assert_int_equal(receive_raw(*state, MESSAGE_BOOT_FAILED, too_large[i]), -EBADMSG);
	assert_int_equal(receive_raw(*state, MESSAGE_BOOT_FAILED, 4 + CHANNEL_PAYLOAD_MAX), 1);
	assert_int_equal(strlen(((struct world *)*state)->message.payload), CHANNEL_PAYLOAD_MAX);
}

static void after_nonsense_the_next_message_is_whole(void **state)
{
	struct world *world = *state;

	assert_int_equal(receive_raw(world, MESSAGE_BOOT_FAILED, 4 + 2 * CHANNEL_PAYLOAD_MAX),
		-EBADMSG);
	assert_int_equal(channel_send(world->worker, MESSAGE_BOOT_FAILED, "why", 3), 0);
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), 1);
	assert_string_equal(world->message.payload, "why");
}

/* The lowest number that is free: a descriptor that was left open would have it. */
static int free_number(void)
{
	int fd = dup(STDERR_FILENO), number = fd;

	fd_close(&fd);
	return number;
}

/* As a hostile worker sends it: `size` bytes of a head, and as many descriptors. */
static int receive_with(struct world *world, uint32_t head, size_t size, size_t count)
{
	struct iovec part = {.iov_base = &head, .iov_len = size};
	union {
		char bytes[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr all = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *header = CMSG_FIRSTHDR(&all);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		memcpy(CMSG_DATA(header) + i * sizeof(int), &world->worker, sizeof(int));
	assert_int_equal(sendmsg(world->worker, &all, 0), size);
	return channel_receive(world->arbiter, CHANNEL_WORKER, &world->message);
}

/* A worker cannot fill the arbiter's table of descriptors. */
static void descriptors_sent_along_are_refused_and_closed(void **state)
{
	struct world *world = *state;
	int before = free_number();

	assert_int_equal(receive_with(world, MESSAGE_READY, 4, 1), -EBADMSG);
	assert_int_equal(receive_with(world, MESSAGES, 4, 1), -EBADMSG);
	assert_int_equal(receive_with(world, MESSAGE_CONFINED, 3, 1), -EBADMSG);
	assert_int_equal(receive_with(world, MESSAGE_CONFINED, 4, 2), -EBADMSG);
	assert_int_equal(receive_with(world, MESSAGE_CONFINED, 4, 3), -EBADMSG);
	assert_int_equal(receive_with(world, MESSAGE_CONFINED, 0, 1), -EPIPE);
	assert_int_equal(world->message.fd, -1);
	assert_int_equal(free_number(), before);
}

static void a_descriptor_without_room_is_told_of(void **state)
{
	struct world *world = *state;
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(channel_send_fd(world->worker, MESSAGE_CONFINED, world->worker), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(world->message.fd, -1);
}

static void a_peer_that_is_gone_is_a_broken_pipe(void **state)
{
	struct world *world = *state;

	assert_int_equal(channel_send(world->worker, MESSAGE_BOOT_FAILED, "bye", 3), 0);
	fd_close(&world->worker);
	/* What was sent before is still there to be read. */
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), 1);
	assert_string_equal(world->message.payload, "bye");
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), -EPIPE);
	assert_int_equal(channel_send(world->arbiter, MESSAGE_RETIRE, NULL, 0), -EPIPE);
}

static void a_peer_that_left_with_unread_messages_is_gone_too(void **state)
{
	struct world *world = *state;

	assert_int_equal(channel_send(world->arbiter, MESSAGE_RETIRE, NULL, 0), 0);
	fd_close(&world->worker);
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), -EPIPE);
}

static void a_peer_that_does_not_read_is_not_waited_for(void **state)
{
	struct world *world = *state;
	int error = 0;

	for (unsigned i = 0; i < 1000000 && error == 0; i++)
		error = channel_send(world->arbiter, MESSAGE_RETIRE, NULL, 0);
	assert_int_equal(error, -EAGAIN);
}

#define WITH_A_CHANNEL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void a_descriptor_comes_along_and_is_close_on_exec(void **state)
{
	struct world *world = *state;

	assert_int_equal(channel_send_fd(world->arbiter, MESSAGE_REOPEN, STDIN_FILENO), 0);
	assert_int_equal(channel_receive(world->worker, CHANNEL_ARBITER, &world->message), 1);
	assert_int_equal(world->message.type, MESSAGE_REOPEN);
	assert_int_equal(fcntl(world->message.fd, F_GETFD), FD_CLOEXEC);
	fd_close(&world->message.fd);
	assert_int_equal(receive_with(world, MESSAGE_CONFINED, 4, 1), 1);
	assert_int_equal(fcntl(world->message.fd, F_GETFD), FD_CLOEXEC);
	fd_close(&world->message.fd);
}

static bool kernel_is_at_least(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned is_major = 0, is_minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &is_major, &is_minor), 2);
	return is_major > major || (is_major == major && is_minor >= minor);
}

/* Before Linux 6.16 it does, and is refused when it comes. */
static void none_comes_any_more_where_the_kernel_can_refuse_it(void **state)
{
	struct world *world = *state;

	channel_refuse_fds(world->arbiter);
	assert_int_equal(channel_send_fd(world->worker, MESSAGE_CONFINED, STDERR_FILENO),
		kernel_is_at_least(6, 16) ? -EPERM : 0);
	assert_int_equal(channel_send(world->worker, MESSAGE_READY, NULL, 0), 0);
	assert_int_equal(channel_send_fd(world->arbiter, MESSAGE_REOPEN, STDERR_FILENO), 0);
	assert_int_equal(channel_receive(world->worker, CHANNEL_ARBITER, &world->message), 1);
	assert_true(world->message.fd >= 0);
	fd_close(&world->message.fd);
}

/* HELLO as a process of our own sends it, whose pid nobody told us. */
static pid_t send_from_a_child(const struct world *world, enum message_type type, int attached)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(attached >= 0 ? channel_send_fd(world->worker, type, attached)
				    : channel_send(world->worker, type, NULL, 0));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return pid;
}

static void the_kernel_says_who_greets(void **state)
{
	struct world *world = *state;
	pid_t pid = 0, child;

	assert_int_equal(channel_want_pid(world->arbiter, true), 0);
	assert_int_equal(channel_greet(world->arbiter, &pid), 0);
	child = send_from_a_child(world, MESSAGE_HELLO, -1);
	assert_int_equal(channel_greet(world->arbiter, &pid), 1);
	assert_int_equal(pid, child);
	assert_int_equal(channel_want_pid(world->arbiter, false), 0);
	assert_int_equal(channel_send(world->worker, MESSAGE_READY, NULL, 0), 0);
	assert_int_equal(channel_receive(world->arbiter, CHANNEL_WORKER, &world->message), 1);
	assert_int_equal(world->message.type, MESSAGE_READY);
}

static void another_first_word_is_no_greeting(void **state)
{
	struct world *world = *state;
	int before = fd_duplicate(STDIN_FILENO), after;
	pid_t pid;

	assert_int_equal(channel_want_pid(world->arbiter, true), 0);
	(void)send_from_a_child(world, MESSAGE_READY, -1);
	assert_int_equal(channel_greet(world->arbiter, &pid), -EBADMSG);
	assert_int_equal(send(world->worker, "x", 1, 0), 1);
	assert_int_equal(channel_greet(world->arbiter, &pid), -EBADMSG);
	(void)send_from_a_child(world, MESSAGE_HELLO, STDIN_FILENO);
	assert_int_equal(channel_greet(world->arbiter, &pid), -EBADMSG);
	after = fd_duplicate(STDIN_FILENO);
	assert_int_equal(after, before + 1); /* nothing was left open */
	fd_close(&after);
	fd_close(&before);
	fd_close(&world->worker);
	assert_int_equal(channel_greet(world->arbiter, &pid), -EPIPE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_CHANNEL(both_ends_close_on_exec_and_do_not_wait),
		WITH_A_CHANNEL(every_message_arrives_as_it_was_sent),
		WITH_A_CHANNEL(messages_keep_their_order_and_their_borders),
		WITH_A_CHANNEL(a_message_of_the_other_side_is_none),
		WITH_A_CHANNEL(an_unknown_type_is_no_message),
		WITH_A_CHANNEL(a_wrong_size_is_no_message),
		WITH_A_CHANNEL(after_nonsense_the_next_message_is_whole),
		WITH_A_CHANNEL(descriptors_sent_along_are_refused_and_closed),
		WITH_A_CHANNEL(a_descriptor_without_room_is_told_of),
		WITH_A_CHANNEL(a_descriptor_comes_along_and_is_close_on_exec),
		WITH_A_CHANNEL(none_comes_any_more_where_the_kernel_can_refuse_it),
		WITH_A_CHANNEL(the_kernel_says_who_greets),
		WITH_A_CHANNEL(another_first_word_is_no_greeting),
		WITH_A_CHANNEL(a_peer_that_is_gone_is_a_broken_pipe),
		WITH_A_CHANNEL(a_peer_that_left_with_unread_messages_is_gone_too),
		WITH_A_CHANNEL(a_peer_that_does_not_read_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
