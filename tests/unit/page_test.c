#include "tests/unit/unit.h"

#include <string.h>

#include "base/page.h"

static void the_earlier_of_loop_and_threads_is_told(void **state)
{
	struct page page = {.request = "GET /loop", .work_request = "GET /thread"};
	char copy[PAGE_REQUEST_MAX];

	(void)state;
	assert_int_equal(page_busy_since(&page), 0);
	atomic_store(&page.busy_since_ms, 20);
	assert_int_equal(page_busy_since(&page), 20);
	page_copy_oldest(&page, copy);
	assert_string_equal(copy, "GET /loop");
	atomic_store(&page.work_since_ms, 10);
	assert_int_equal(page_busy_since(&page), 10);
	page_copy_oldest(&page, copy);
	assert_string_equal(copy, "GET /thread");
	atomic_store(&page.work_since_ms, 30);
	assert_int_equal(page_busy_since(&page), 20);
	atomic_store(&page.busy_since_ms, 0);
	assert_int_equal(page_busy_since(&page), 30);
}

static void a_request_without_an_end_is_cut(void **state)
{
	struct page page = {.work_since_ms = 1};
	char copy[PAGE_REQUEST_MAX];

	(void)state;
	memset(page.request, 'a', sizeof(page.request));
	memset(page.work_request, 'b', sizeof(page.work_request));
	page_copy_request(&page, copy);
	assert_int_equal(strlen(copy), PAGE_REQUEST_MAX - 1);
	page_copy_oldest(&page, copy);
	assert_int_equal(strspn(copy, "b"), PAGE_REQUEST_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_earlier_of_loop_and_threads_is_told),
		cmocka_unit_test(a_request_without_an_end_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
