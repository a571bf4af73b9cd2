#include "init/tally.h"

#include <string.h>

static uint64_t read_one(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_all(uint64_t *sums, const _Atomic uint64_t *counters, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sums[i] += read_one(&counters[i]);
}

/* Most often at the same place as in the page before. NULL: there is no room for another one. */
static struct tally_counter *find(struct tally *tally, const char *name, uint32_t guess)
{
	struct tally_counter *all = tally->counter;

	if (guess < tally->counters && strcmp(all[guess].name, name) == 0)
		return &all[guess];
	for (uint32_t i = 0; i < tally->counters; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	if (tally->counters == TALLY_APP_COUNTERS)
		return NULL;
	memcpy(all[tally->counters].name, name, PAGE_COUNTER_NAME);
	return &all[tally->counters++];
}

/* The worker may write there meanwhile: the name is copied, and then has an end. */
static void add_counters(struct tally *tally, const struct page *page)
{
	uint32_t count = atomic_load_explicit(&page->counters, memory_order_acquire);

	for (uint32_t i = 0; i < count && i < PAGE_COUNTERS; i++) {
		char name[PAGE_COUNTER_NAME] = "";
		struct tally_counter *counter;

		memcpy(name, page->counter[i].name, sizeof(name) - 1);
		counter = page_is_counter_name(name) ? find(tally, name, i) : NULL;
		if (counter != NULL)
			counter->value += read_one(&page->counter[i].value);
	}
}

void tally_add_page(struct tally *tally, const struct page *page)
{
	tally->accepted += read_one(&page->accepted);
	tally->access_dropped += read_one(&page->access_dropped);
	tally->durations_us += read_one(&page->durations_us);
	tally->kernel_tls += read_one(&page->kernel_tls);
	add_all(tally->answers, page->answers, PAGE_STATUSES);
	add_all(tally->durations, page->durations, PAGE_DURATIONS);
	add_all(tally->handshakes, page->handshakes, PAGE_HANDSHAKES);
	add_counters(tally, page);
}
