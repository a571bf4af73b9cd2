/* What the arbiter bears with of what its children say: how often, and how much of it at once. */
#include "tests/unit/unit.h"

#include "base/channel.h"
#include "base/fd.h"
#include "init/gossip.h"
#include "init/opening.h"

/* More than one may say in a while. */
#define MANY 300

struct world {
	struct arbiter arbiter;
	struct slot *slot;
	struct child *child; /* a key holder that serves */
	int far_fd;	     /* its end */
};

static int begin(void **state)
{
	static struct world world;
	struct arbiter *a = &world.arbiter;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){.now_ms = 1000000};
	assert_int_equal(opening_prepare(a, &why), 0);
	assert_int_equal(loop_open(&a->loop), 0);
	a->log.fd = -1;
	world.slot = &a->roster.slots[a->roster.size];
	world.child = &a->children[a->roster.size];
	*world.slot = (struct slot){
		.state = STATE_SERVING,
		.role = PROCESS_KEYHOLDER,
		.served_ms = a->now_ms,
	};
	*world.child = (struct child){
		.watch = {.ready = gossip_read},
		.arbiter = a,
		.slot = a->roster.size,
		.page_fd = -1,
		.notifier = {.fd = -1},
		.counted_ms = a->now_ms,
	};
	assert_int_equal(channel_pair(&world.child->watch.fd, &world.far_fd), 0);
	*state = &world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	fd_close(&world->child->watch.fd);
	fd_close(&world->far_fd);
	loop_close(&world->arbiter.loop);
	opening_close(&world->arbiter);
	return 0;
}

/* About nobody that is there. */
static void complain(struct world *world)
{
	if (channel_send(world->far_fd, MESSAGE_REFUSED, "1", 1) == 0)
		gossip_read(&world->child->watch, 0);
}

static void a_word_now_and_then_is_no_offence_however_long_it_lives(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < MANY; i++) {
		world->arbiter.now_ms += 3600000;
		complain(world);
	}
	assert_int_equal(world->slot->state, STATE_SERVING);
	assert_true(world->child->watch.fd >= 0);
}

static void a_flood_is_one(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < MANY; i++)
		complain(world);
	assert_int_equal(world->slot->state, STATE_DOOMED);
	assert_int_equal(world->child->watch.fd, -1);
}

static void a_late_failure_to_boot_is_its_first_word_still(void **state)
{
	struct world *world = *state;

	world->slot->state = STATE_BOOTING;
	world->slot->served_ms = 0;
	world->child->confined = true;
	world->child->messages = 1;
	world->arbiter.now_ms += 3600000;
	assert_int_equal(channel_send(world->far_fd, MESSAGE_BOOT_FAILED, "why", 3), 0);
	gossip_read(&world->child->watch, 0);
	assert_int_equal(world->slot->cause, CAUSE_BOOT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_word_now_and_then_is_no_offence_however_long_it_lives, begin, end),
		cmocka_unit_test_setup_teardown(a_flood_is_one, begin, end),
		cmocka_unit_test_setup_teardown(a_late_failure_to_boot_is_its_first_word_still,
			begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
