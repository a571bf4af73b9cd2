/* What is concluded of the heartbeat of a process that a signal has stopped. */
#include "tests/unit/unit.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "init/gossip.h"
#include "init/opening.h"

#define TIMEOUT_MS 1000

static struct page page;

/* One that serves and idles, in slot 0. */
static struct child *prepare(struct arbiter *a)
{
	struct child *child;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){0};
	assert_int_equal(opening_prepare(a, &why), 0);
	a->log.fd = -1;
	a->now_ms = 100000;
	a->roster.slots[0].state = STATE_SERVING;
	page = (struct page){0};
	child = &a->children[0];
	*child = (struct child){.watch = {.fd = -1},
		.arbiter = a,
		.page = &page,
		.page_fd = -1,
		.timeout_ms = TIMEOUT_MS,
		.look_ms = CLOCK_NEVER,
		.notifier = {.fd = -1}};
	return child;
}

static void finish(struct arbiter *a)
{
	a->children[0].page = NULL;
	opening_close(a);
}

static void look_after(struct arbiter *a, uint64_t ms)
{
	a->now_ms += ms;
	gossip_look(a);
}

static void one_that_is_stopped_while_it_idles_is_hung_after_the_timeout(void **state)
{
	static struct arbiter a;
	struct child *child = prepare(&a);

	(void)state;
	gossip_stopped(child, true);
	assert_int_equal(gossip_deadline(&a), a.now_ms + TIMEOUT_MS);
	look_after(&a, TIMEOUT_MS - 1);
	assert_int_equal(a.roster.slots[0].state, STATE_SERVING);
	look_after(&a, 1);
	assert_int_equal(a.roster.slots[0].state, STATE_ABORTED);
	assert_int_equal(a.roster.slots[0].cause, CAUSE_TIMEOUT);
	finish(&a);
}

static void one_that_goes_on_in_time_is_left_alone(void **state)
{
	static struct arbiter a;
	struct child *child = prepare(&a);

	(void)state;
	gossip_stopped(child, true);
	a.now_ms += TIMEOUT_MS / 2;
	gossip_stopped(child, false);
	look_after(&a, TIMEOUT_MS);
	assert_int_equal(a.roster.slots[0].state, STATE_SERVING);
	assert_int_equal(gossip_deadline(&a), CLOCK_NEVER);
	finish(&a);
}

static void the_turn_that_it_is_stopped_in_counts_from_its_begin(void **state)
{
	static struct arbiter a;
	struct child *child = prepare(&a);

	(void)state;
	atomic_store(&page.busy_since_ms, a.now_ms);
	child->look_ms = a.now_ms + TIMEOUT_MS;
	a.now_ms += TIMEOUT_MS / 2;
	gossip_stopped(child, true);
	look_after(&a, TIMEOUT_MS / 2);
	assert_int_equal(a.roster.slots[0].state, STATE_ABORTED);
	finish(&a);
}

static void neither_a_program_nor_one_without_timeout_is_looked_at_for_it(void **state)
{
	static struct arbiter a;
	struct child *child = prepare(&a);

	(void)state;
	child->timeout_ms = 0;
	gossip_stopped(child, true);
	assert_int_equal(gossip_deadline(&a), CLOCK_NEVER);
	child->timeout_ms = TIMEOUT_MS;
	child->outsider = true;
	gossip_stopped(child, true);
	assert_int_equal(gossip_deadline(&a), CLOCK_NEVER);
	finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_stopped_while_it_idles_is_hung_after_the_timeout),
		cmocka_unit_test(one_that_goes_on_in_time_is_left_alone),
		cmocka_unit_test(the_turn_that_it_is_stopped_in_counts_from_its_begin),
		cmocka_unit_test(neither_a_program_nor_one_without_timeout_is_looked_at_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
