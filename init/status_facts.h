/*
 * status_facts.h - what `narwhal status` tells, in the words of those who ask: read off the
 * arbiter, for status_text.c and status_json.c.
 *
 * Pure: it makes no system call, and changes nothing. What stands in a worker's page is gossip: its
 * numbers are copied as they are, its bytes bounded, to be escaped by whoever writes them.
 */
#ifndef INIT_STATUS_FACTS_H
#define INIT_STATUS_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/page.h"
#include "init/arbiter.h"

struct status_child {
	unsigned slot;
	bool is_worker; /* else an attendant */
	const char *role;
	pid_t pid; /* 0: not known yet */
	uint64_t generation;
	const char *state;
	uint64_t age_ms;
	bool has_page; /* the rest is told by its page */
	uint64_t connections, accepted, requests;
	bool is_busy;
	uint64_t busy_ms;
	char request[PAGE_REQUEST_MAX];
};

/* One word or two for the whole of it: "serving", "draining", "reloading", "held", ... */
const char *status_state(const struct arbiter *arbiter) PURE;
/* Workers that take requests, of all generations. */
unsigned status_serving(const struct arbiter *arbiter) PURE;
/* The image that `narwhal rollback` would bring back; NULL: none. */
const struct image_hold *status_way_back(const struct arbiter *arbiter) PURE;
/* Why the last upgrade came to nothing; NULL: it did not, or there was none. */
const char *status_failure(const struct arbiter *arbiter) PURE;
/* Since `then_ms`, which may be nonsense. */
uint64_t status_age(const struct arbiter *arbiter, uint64_t then_ms) PURE;
/* Who is in that slot of the roster; false: nobody. */
MUST_USE bool status_read_child(const struct arbiter *arbiter, unsigned index,
	struct status_child *child);

#endif
