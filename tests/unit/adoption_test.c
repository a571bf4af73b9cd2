#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/adoption.h"
#include "init/opening.h"

static void prepare(struct arbiter *a)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){0};
	assert_int_equal(opening_prepare(a, &why), 0);
	*a->current = (struct generation){.number = 1, .image_fd = -1, .certificates = {-1, -1}};
	assert_int_equal(settings_init(&a->current->config.settings), 0);
}

/* No descriptor of this process has such a number. */
static int lost(int nth)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return (int)limit.rlim_cur + nth;
}

static void what_is_lost_is_let_go_and_what_is_there_stays(void **state)
{
	static struct arbiter a;
	struct listener_set *set;
	int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	prepare(&a);
	set = &a.current->listeners;
	set->count = 3;
	set->item[0] = (struct listener){.fd = lost(0), .asked = "127.0.0.1:1"};
	set->item[1] = (struct listener){.fd = socket_fd, .asked = "127.0.0.1:2"};
	set->item[2] = (struct listener){.fd = lost(1), .asked = "127.0.0.1:3"};
	a.start_fd = lost(2);
	a.pidfile.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	a.children[4] = (struct child){.arbiter = &a,
		.slot = 4,
		.watch = {.fd = lost(3)},
		.page_fd = lost(4),
		.notifier = {.fd = -1}};
	adoption_trim(&a);
	assert_int_equal(set->count, 1);
	assert_int_equal(set->item[0].fd, socket_fd);
	assert_string_equal(set->item[0].asked, "127.0.0.1:2");
	assert_int_equal(a.start_fd, -1);
	assert_true(a.pidfile.fd >= 0);
	assert_int_equal(a.children[4].watch.fd, -1);
	assert_int_equal(a.children[4].page_fd, -1);
	fd_close(&a.pidfile.fd);
	opening_close(&a);
}

/* As it was before an app could count: it ended behind the request in hand. */
static void a_page_of_an_older_release_is_taken(void **state)
{
	static struct arbiter a;
	struct page *page;

	(void)state;
	prepare(&a);
	a.children[4] = (struct child){.arbiter = &a,
		.slot = 4,
		.watch = {.fd = -1},
		.page_fd = fd_shared("page", offsetof(struct page, counters)),
		.notifier = {.fd = -1}};
	assert_true(a.children[4].page_fd >= 0);
	adoption_trim(&a);
	page = a.children[4].page;
	assert_non_null(page);
	assert_int_equal(atomic_load(&page->counters), 0);
	assert_int_equal(page->counter[PAGE_COUNTERS - 1].name[0], '\0');
	(void)munmap(page, sizeof(*page));
	fd_close(&a.children[4].page_fd);
	opening_close(&a);
}

/* Its page is no memory of a worker's: nobody would see it hang. */
static void a_worker_whose_page_is_none_serves_on_until_there_is_a_successor(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	assert_true(roster_step(&a.roster, 4, EVENT_SPAWNED, 1));
	assert_true(roster_step(&a.roster, 4, EVENT_READY, 2));
	a.children[4] = (struct child){.arbiter = &a,
		.slot = 4,
		.watch = {.fd = -1},
		.page_fd = open("/dev/null", O_RDWR | O_CLOEXEC),
		.notifier = {.fd = -1}};
	assert_true(a.children[4].page_fd >= 0);
	adoption_trim(&a);
	assert_int_equal(a.children[4].page_fd, -1);
	assert_null(a.children[4].page);
	assert_int_equal(a.roster.slots[4].state, STATE_SPENT);
	opening_close(&a);
}

static void a_program_that_never_had_a_page_stays(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	assert_true(roster_step(&a.roster, 4, EVENT_SPAWNED, 1));
	assert_true(roster_step(&a.roster, 4, EVENT_READY, 2));
	a.children[4] = (struct child){.arbiter = &a,
		.slot = 4,
		.watch = {.fd = -1},
		.page_fd = -1,
		.notifier = {.fd = -1},
		.outsider = true};
	adoption_trim(&a);
	assert_int_equal(a.roster.slots[4].state, STATE_SERVING);
	opening_close(&a);
}

static void a_lost_descriptor_is_an_error_for_an_image_that_can_go_back(void **state)
{
	static struct arbiter a;
	char said[256];
	struct text why = TEXT_OVER(said);

	(void)state;
	prepare(&a);
	a.start_fd = lost(0);
	assert_int_equal(adoption_run(&a, &why), -EBADF);
	assert_non_null(strstr(said, "was not handed on"));
	a.start_fd = -1;
	opening_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lost_is_let_go_and_what_is_there_stays),
		cmocka_unit_test(a_page_of_an_older_release_is_taken),
		cmocka_unit_test(a_worker_whose_page_is_none_serves_on_until_there_is_a_successor),
		cmocka_unit_test(a_program_that_never_had_a_page_stays),
		cmocka_unit_test(a_lost_descriptor_is_an_error_for_an_image_that_can_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
