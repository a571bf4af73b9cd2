/* A line to the key holder for who has none: as often as it takes, but not at any pace. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "init/introduction.h"
#include "init/opening.h"

struct world {
	struct arbiter arbiter;
	struct child *worker, *keyholder;
	int worker_fd, keyholder_fd; /* their own ends */
};

static struct child *serve(struct arbiter *a, unsigned index, enum process_role role, int *fd)
{
	struct slot *slot = &a->roster.slots[index];
	struct child *child = &a->children[index];

	slot->state = STATE_SERVING;
	slot->generation = 1;
	slot->role = role;
	slot->pid = 4321;
	child->arbiter = a;
	child->slot = index;
	assert_int_equal(channel_pair(&child->watch.fd, fd), 0);
	return child;
}

static int begin(void **state)
{
	static struct world world;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct arbiter *a = &world.arbiter;

	world = (struct world){.worker_fd = -1, .keyholder_fd = -1};
	assert_int_equal(opening_prepare(a, &why), 0);
	a->now_ms = 1000;
	world.worker = serve(a, 0, PROCESS_WORKER, &world.worker_fd);
	world.keyholder = serve(a, a->roster.size, PROCESS_KEYHOLDER, &world.keyholder_fd);
	*state = &world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	fd_close(&world->worker->watch.fd);
	fd_close(&world->keyholder->watch.fd);
	fd_close(&world->worker_fd);
	fd_close(&world->keyholder_fd);
	opening_close(&world->arbiter);
	return 0;
}

static bool is_given(int fd, const char *name)
{
	struct message message;
	bool is = channel_receive(fd, CHANNEL_ARBITER, &message) == 1 &&
		  message.type == MESSAGE_GIVE && message.fd >= 0 &&
		  strcmp(message.payload, name) == 0;

	fd_close(&message.fd);
	return is;
}

static bool is_introduced(struct world *world)
{
	bool is;

	introduction_turn(&world->arbiter);
	is = is_given(world->keyholder_fd, "4321");
	assert_int_equal(is_given(world->worker_fd, "keyholder"), is);
	return is;
}

static void who_asks_for_lines_gets_them_at_a_pace_and_is_no_offender(void **state)
{
	struct world *world = *state;
	struct arbiter *a = &world->arbiter;

	assert_true(is_introduced(world));
	assert_int_equal(a->introduce_ms, CLOCK_NEVER);
	assert_false(is_introduced(world));
	world->worker->messages = 200;
	introduction_undo(world->worker);
	assert_false(is_introduced(world));
	assert_int_equal(world->worker->messages, 200);
	assert_true(a->introduce_ms > a->now_ms && a->introduce_ms != CLOCK_NEVER);
	a->now_ms = a->introduce_ms;
	assert_true(is_introduced(world));
	assert_int_equal(world->worker->messages, 0);
}

static void whose_line_nobody_takes_is_tried_again_at_the_same_pace(void **state)
{
	struct world *world = *state;
	struct arbiter *a = &world->arbiter;

	fd_close(&world->keyholder_fd);
	introduction_turn(a);
	assert_true(is_given(world->worker_fd, "keyholder"));
	introduction_turn(a);
	assert_false(is_given(world->worker_fd, "keyholder"));
	assert_true(a->introduce_ms > a->now_ms && a->introduce_ms != CLOCK_NEVER);
	a->now_ms = a->introduce_ms;
	introduction_turn(a);
	assert_true(is_given(world->worker_fd, "keyholder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_asks_for_lines_gets_them_at_a_pace_and_is_no_offender, begin, end),
		cmocka_unit_test_setup_teardown(
			whose_line_nobody_takes_is_tried_again_at_the_same_pace, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
