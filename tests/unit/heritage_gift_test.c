/* What a worker that a zygote has forked gets of its own, over its channel. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/fd.h"
#include "base/heritage.h"

struct world {
	int arbiter, worker;
};

static ino_t inode_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_ino;
}

/* The next message, which is of that type, taken by the heritage if it is a GIVE. */
static void take(const struct world *world, struct heritage *heritage, int outcome)
{
	struct message message;

	assert_int_equal(channel_receive(world->worker, CHANNEL_ARBITER, &message), 1);
	assert_int_equal(message.type, MESSAGE_GIVE);
	assert_int_equal(heritage_take(heritage, message.payload, &message.fd), outcome);
	assert_int_equal(message.fd >= 0, outcome != 0);
	fd_close(&message.fd);
}

static int file(const char *name)
{
	int fd = fd_shared(name, 1);

	assert_true(fd > STDERR_FILENO);
	return fd;
}

static void each_descriptor_arrives_under_its_own_name(void **state)
{
	struct world *world = *state;
	struct heritage given = {
		.channel_fd = world->worker,
		.page_fd = file("page"),
		.access_fd = file("access"),
		.certificates_fd = file("certificates"),
		.tickets_fd = file("tickets"),
		.listeners = 2,
		.listener_fd = {file("plain"), file("tls")},
		.listener_tls = {false, true},
	};
	struct heritage taken = {.channel_fd = -1, .page_fd = -1};

	assert_int_equal(heritage_give(&given, world->arbiter), 0);
	for (int i = 0; i < 6; i++)
		take(world, &taken, 0);
	assert_int_equal(inode_of(taken.page_fd), inode_of(given.page_fd));
	assert_int_equal(inode_of(taken.access_fd), inode_of(given.access_fd));
	assert_int_equal(inode_of(taken.certificates_fd), inode_of(given.certificates_fd));
	assert_int_equal(inode_of(taken.tickets_fd), inode_of(given.tickets_fd));
	assert_int_equal(taken.listeners, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(inode_of(taken.listener_fd[i]), inode_of(given.listener_fd[i]));
		assert_int_equal(taken.listener_tls[i], given.listener_tls[i]);
	}
	assert_int_equal(taken.channel_fd, -1);
}

static void what_is_not_there_is_not_given(void **state)
{
	struct world *world = *state;
	const struct heritage given = {.channel_fd = world->worker, .page_fd = -1};
	struct message message;

	assert_int_equal(heritage_give(&given, world->arbiter), 0);
	assert_int_equal(channel_receive(world->worker, CHANNEL_ARBITER, &message), 0);
}

static void what_comes_twice_or_has_no_such_name_is_not_taken(void **state)
{
	struct world *world = *state;
	struct heritage taken = {.channel_fd = -1, .page_fd = -1};

	assert_int_equal(channel_give(world->arbiter, "page_fd", STDIN_FILENO), 0);
	assert_int_equal(channel_give(world->arbiter, "page_fd", STDIN_FILENO), 0);
	assert_int_equal(channel_give(world->arbiter, "channel_fd", STDIN_FILENO), 0);
	take(world, &taken, 0);
	take(world, &taken, -EEXIST);
	take(world, &taken, -EINVAL);
	taken.listeners = HERITAGE_LISTENERS;
	assert_int_equal(channel_give(world->arbiter, "listener", STDIN_FILENO), 0);
	take(world, &taken, -EINVAL);
}

static int set_up(void **state)
{
	static struct world world;

	assert_int_equal(channel_pair(&world.arbiter, &world.worker), 0);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	fd_close(&world->arbiter);
	fd_close(&world->worker);
	fd_close_strangers(STDERR_FILENO + 1, -1);
	return 0;
}

#define WITH_A_CHANNEL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_CHANNEL(each_descriptor_arrives_under_its_own_name),
		WITH_A_CHANNEL(what_is_not_there_is_not_given),
		WITH_A_CHANNEL(what_comes_twice_or_has_no_such_name_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
