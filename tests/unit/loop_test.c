/* Who waits for which descriptor, and one turn of waiting. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/loop.h"

enum { WATCHES = LOOP_BATCH + 10 };

struct one {
	struct watch watch;
	struct world *world;
	unsigned told;
	uint32_t events;
};

struct world {
	struct loop loop;
	struct one ones[WATCHES];
	struct one *drop;  /* whom the first `ready` of a turn drops */
	struct one *close; /* or whose descriptor it closes, and another one has the place */
};

static void ready(struct watch *watch, uint32_t events)
{
	struct one *one = CONTAINER_OF(watch, struct one, watch);
	struct world *world = one->world;

	one->told++;
	one->events = events;
	if (world->drop != NULL)
		loop_drop(&world->loop, &world->drop->watch);
	world->drop = NULL;
	if (world->close == NULL)
		return;
	fd_close(&world->close->watch.fd);
	loop_forget(&world->loop, &world->close->watch);
	world->close->watch.fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(loop_add(&world->loop, &world->close->watch, EPOLLIN), 0);
	world->close = NULL;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(loop_open(&world->loop), 0);
	for (unsigned i = 0; i < WATCHES; i++) {
		world->ones[i] = (struct one){.world = world,
			.watch = {.fd = eventfd(1, EFD_CLOEXEC), .ready = ready}};
		assert_true(world->ones[i].watch.fd >= 0);
	}
	*state = world;
	(void)alarm(10);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	(void)alarm(0);
	loop_close(&world->loop);
	for (unsigned i = 0; i < WATCHES; i++)
		fd_close(&world->ones[i].watch.fd);
	free(world);
	return 0;
}

static void watch_first(struct world *world, unsigned n, uint32_t events)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(loop_add(&world->loop, &world->ones[i].watch, events), 0);
}

static unsigned told(const struct world *world)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < WATCHES; i++)
		sum += world->ones[i].told;
	return sum;
}

static void what_is_ready_is_told_once_a_turn(void **state)
{
	struct world *world = *state;

	watch_first(world, 2, EPOLLIN);
	assert_int_equal(loop_wait(&world->loop, 0), 2);
	assert_int_equal(told(world), 0);
	loop_dispatch(&world->loop);
	assert_int_equal(world->ones[0].told, 1);
	assert_int_equal(world->ones[1].told, 1);
	assert_int_equal(world->ones[0].events, EPOLLIN);
	loop_dispatch(&world->loop);
	assert_int_equal(told(world), 2);
}

static void without_events_the_wait_ends_at_its_timeout(void **state)
{
	struct world *world = *state;

	assert_int_equal(loop_wait(&world->loop, 0), 0);
	assert_int_equal(loop_wait(&world->loop, 1), 0);
	loop_dispatch(&world->loop);
	assert_int_equal(told(world), 0);
}

static void a_changed_watch_hears_of_other_events(void **state)
{
	struct world *world = *state;
	struct one *one = &world->ones[0];

	watch_first(world, 1, EPOLLIN);
	assert_int_equal(loop_change(&world->loop, &one->watch, EPOLLOUT), 0);
	assert_int_equal(loop_wait(&world->loop, 0), 1);
	loop_dispatch(&world->loop);
	assert_int_equal(one->events, EPOLLOUT);
	assert_int_equal(loop_change(&world->loop, &one->watch, 0), 0);
	assert_int_equal(loop_wait(&world->loop, 0), 0);
}

static void a_watch_dropped_within_a_turn_is_told_no_more(void **state)
{
	struct world *world = *state;
	struct one *first;

	watch_first(world, 2, EPOLLIN);
	assert_int_equal(loop_wait(&world->loop, 0), 2);
	first = CONTAINER_OF(world->loop.batch[0].data.ptr, struct one, watch);
	world->drop = first == &world->ones[0] ? &world->ones[1] : &world->ones[0];
	loop_dispatch(&world->loop);
	assert_int_equal(told(world), 1);
	assert_int_equal(first->told, 1);
	assert_int_equal(loop_wait(&world->loop, 0), 1);
}

static void who_sits_down_where_another_one_was_is_not_told_what_was_for_that_one(void **state)
{
	struct world *world = *state;
	struct one *first;

	watch_first(world, 2, EPOLLIN);
	assert_int_equal(loop_wait(&world->loop, 0), 2);
	first = CONTAINER_OF(world->loop.batch[0].data.ptr, struct one, watch);
	world->close = first == &world->ones[0] ? &world->ones[1] : &world->ones[0];
	loop_dispatch(&world->loop);
	assert_int_equal(told(world), 1);
	assert_int_equal(loop_wait(&world->loop, 0), 1);
}

static void a_watch_may_drop_itself(void **state)
{
	struct world *world = *state;

	watch_first(world, 1, EPOLLIN);
	world->drop = &world->ones[0];
	assert_int_equal(loop_wait(&world->loop, 0), 1);
	loop_dispatch(&world->loop);
	assert_int_equal(told(world), 1);
	assert_int_equal(loop_wait(&world->loop, 0), 0);
}

static void more_than_a_batch_is_told_over_some_turns(void **state)
{
	struct world *world = *state;

	watch_first(world, WATCHES, EPOLLIN | EPOLLET);
	assert_int_equal(loop_wait(&world->loop, 0), LOOP_BATCH);
	loop_dispatch(&world->loop);
	assert_int_equal(loop_wait(&world->loop, 0), WATCHES - LOOP_BATCH);
	loop_dispatch(&world->loop);
	for (unsigned i = 0; i < WATCHES; i++)
		assert_int_equal(world->ones[i].told, 1);
}

static void what_the_kernel_refuses_is_said(void **state)
{
	struct world *world = *state;
	struct watch none = {.fd = -1, .ready = ready};

	watch_first(world, 1, EPOLLIN);
	assert_int_equal(loop_add(&world->loop, &world->ones[0].watch, EPOLLIN), -EEXIST);
	assert_int_equal(loop_change(&world->loop, &world->ones[1].watch, EPOLLIN), -ENOENT);
	assert_int_equal(loop_add(&world->loop, &none, EPOLLIN), -EBADF);
	loop_drop(&world->loop, &world->ones[1].watch);
	loop_drop(&world->loop, &none);
	assert_int_equal(loop_wait(&world->loop, 0), 1);
}

#define WITH_A_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_LOOP(what_is_ready_is_told_once_a_turn),
		WITH_A_LOOP(without_events_the_wait_ends_at_its_timeout),
		WITH_A_LOOP(a_changed_watch_hears_of_other_events),
		WITH_A_LOOP(a_watch_dropped_within_a_turn_is_told_no_more),
		WITH_A_LOOP(who_sits_down_where_another_one_was_is_not_told_what_was_for_that_one),
		WITH_A_LOOP(a_watch_may_drop_itself),
		WITH_A_LOOP(more_than_a_batch_is_told_over_some_turns),
		WITH_A_LOOP(what_the_kernel_refuses_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
