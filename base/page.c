#include "base/page.h"

#include <string.h>

#include "base/attr.h"

static void copy_request(const char request[PAGE_REQUEST_MAX], char copy[PAGE_REQUEST_MAX])
{
	size_t n = strnlen(request, PAGE_REQUEST_MAX - 1);

	memcpy(copy, request, n);
	copy[n] = '\0';
}

static bool is_thread_older(uint64_t loop_ms, uint64_t thread_ms)
{
	return thread_ms != 0 && (loop_ms == 0 || thread_ms < loop_ms);
}

uint64_t page_busy_since(const struct page *page)
{
	uint64_t loop_ms = atomic_load(&page->busy_since_ms);
	uint64_t thread_ms = atomic_load(&page->work_since_ms);

	return is_thread_older(loop_ms, thread_ms) ? thread_ms : loop_ms;
}

void page_copy_request(const struct page *page, char copy[PAGE_REQUEST_MAX])
{
	copy_request(page->request, copy);
}

void page_copy_oldest(const struct page *page, char copy[PAGE_REQUEST_MAX])
{
	bool thread = is_thread_older(atomic_load(&page->busy_since_ms),
		atomic_load(&page->work_since_ms));

	copy_request(thread ? page->work_request : page->request, copy);
}

void page_count_duration(struct page *page, uint64_t us)
{
	static const uint64_t bounds[] = {
#define DURATION(us, seconds) us,
#include "base/durations.def"
#undef DURATION
	};
	size_t i = 0;

	while (i < COUNT_OF(bounds) && us > bounds[i])
		i++;
	page_count(&page->durations[i], 1);
	page_count(&page->durations_us, us);
}

bool page_is_counter_name(const char *name)
{
	size_t size = strnlen(name, PAGE_COUNTER_NAME);

	return size != 0 && size < PAGE_COUNTER_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size &&
	       (name[0] < '0' || name[0] > '9');
}
