/*
 * page.h - the one memory that a worker shares with the arbiter: its heartbeat and its counters.
 *
 * Each worker has a page of its own and can write no other. The arbiter only reads it, bounded,
 * and believes none of it: numbers for reports, bytes for a log line (escaped), never a pid, a
 * pointer or a length that it acts on. `watched` alone is the arbiter's to write.
 *
 * Order between the two, on CPUs that keep none by themselves. `watched` and `busy_since_ms` are
 * sequentially consistent: each side stores its own, then loads the other's, and at least one sees
 * what the other stored (init/gossip.c, service/worker.c). `turns` is counted before the 0 in
 * `busy_since_ms` is released: who finds the worker idle finds that it has been busy. `counters` is
 * released behind the name, and acquired before that is read. All else needs none: each number
 * stands for itself, waitid(2) has ordered all of them after a death, and a request's text, which
 * may be of two, is for a line of the log.
 */
#ifndef BASE_PAGE_H
#define BASE_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define PAGE_REQUEST_MAX 256

#define PAGE_COUNTERS 32
#define PAGE_COUNTER_NAME 48

#define PAGE_STATUSES 5 /* 1xx to 5xx */

/* One for each row of durations.def, and behind them one for what takes longer. */
enum page_duration {
#define DURATION(us, seconds) PAGE_WITHIN_##us,
#include "base/durations.def"
#undef DURATION
	PAGE_LONGER,
	PAGE_DURATIONS
};

enum page_handshake {
	PAGE_HANDSHAKE_FULL,
	PAGE_HANDSHAKE_RESUMED,
	PAGE_HANDSHAKE_FAILED,
	PAGE_HANDSHAKES
};

struct page_counter {
	char name[PAGE_COUNTER_NAME];
	_Atomic uint64_t value;
};

struct page {
	/* Monotonic ms at which the request in hand or, before the first, the present turn of the
	 * loop began; 0 while waiting for events. */
	_Atomic uint64_t busy_since_ms;

	/* Turns of the loop that had work. Standing still between two looks means idle, or hung. */
	_Atomic uint64_t turns;

	/* 1 while the arbiter looks by itself; a worker that finds 0 announces itself: ACTIVE. */
	_Atomic uint32_t watched;

	_Atomic uint32_t connections;
	_Atomic uint64_t accepted;
	_Atomic uint64_t requests;

	/* Method and target of the request in hand, cut to fit, NUL-terminated; "" when none. */
	char request[PAGE_REQUEST_MAX];

	/* Lines of the access log that were dropped: nobody took them. */
	_Atomic uint64_t access_dropped;

	/* The app's own; a name, NUL-terminated, stands before it is counted in `counters`. */
	_Atomic uint32_t counters;
	struct page_counter counter[PAGE_COUNTERS];

	/* Of threads beside the loop (setting threads): monotonic ms since which the one that has
	 * made no progress for the longest is at work, and its request; 0 and "" when none is. */
	_Atomic uint64_t work_since_ms;
	char work_request[PAGE_REQUEST_MAX];

	/* Answers, by the first digit of their status. */
	_Atomic uint64_t answers[PAGE_STATUSES];

	/* With metrics_bind: how long answers took, from the end of the request's head on; and the
	 * sum of that, in microseconds. */
	_Atomic uint64_t durations[PAGE_DURATIONS];
	_Atomic uint64_t durations_us;

	_Atomic uint64_t handshakes[PAGE_HANDSHAKES]; /* of TLS */
	_Atomic uint64_t kernel_tls; /* connections for which the kernel took over to write */
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would be each process's own");
_Static_assert(PAGE_DURATIONS == 13 && PAGE_HANDSHAKES == 3 && PAGE_COUNTERS == 32,
	"older workers' pages have their members where they were");

/*
 * In the page's file, behind what is mapped: what Python's faulthandler writes when the worker
 * crashes, or is aborted as it hangs. The pages of older releases end before it.
 */
#define PAGE_STACKS_AT 4096
#define PAGE_STACKS_SIZE 16384
#define PAGE_FILE_SIZE (PAGE_STACKS_AT + PAGE_STACKS_SIZE)
_Static_assert(sizeof(struct page) <= PAGE_STACKS_AT, "the stacks stand behind the page");

/* The worker's loop alone counts there, and is the only one: no locked instruction. */
static inline void page_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

/* An answer of that status, 100 to 599. */
static inline void page_count_answer(struct page *page, unsigned status)
{
	page_count(&page->answers[status / 100 - 1], 1);
}

/* Small letters, digits and "_", and no digit first. */
bool page_is_counter_name(const char *name) PURE;
/* It took so long. */
void page_count_duration(struct page *page, uint64_t us);

/* Since when the worker has made no progress: in its loop or in a thread, the earlier; 0: idle. */
uint64_t page_busy_since(const struct page *page);

/* Out of memory that the worker can write at any time: bounded here, to be escaped by the log. */
void page_copy_request(const struct page *page, char copy[PAGE_REQUEST_MAX]);
/* The one that page_busy_since() tells of. */
void page_copy_oldest(const struct page *page, char copy[PAGE_REQUEST_MAX]);

#endif
