/*
 * capacity.h - how many workers `workers = auto` means: as many as CPUs may be used, and as fit
 * into the memory.
 *
 * capacity_decide() is pure; capacity_read() asks the kernel. The number is for the start of a
 * generation: a reload asks again, and in between nobody watches the limits.
 */
#ifndef INIT_CAPACITY_H
#define INIT_CAPACITY_H

#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"

/*
 * What a worker is reckoned at least: one with a small C module takes 5 MiB, one with an
 * interpreter 30. A bound against dozens of workers in a small container, and no prediction.
 */
#define CAPACITY_WORKER_BYTES (UINT64_C(32) << 20)

struct capacity_facts {
	uint64_t cpus;	 /* that we may run on: sched_getaffinity(2) */
	uint64_t quota;	 /* thousandths of a CPU, or CGROUP_NONE */
	uint64_t memory; /* bytes, or CGROUP_NONE */
	uint64_t most;	 /* workers, at the most */
};

struct capacity {
	unsigned workers;
	const char *reason; /* what bounds it: "quota", "cpus", "memory" or "most" */
};

/* The tightest bound, but at least 1; of equal ones a quota is named first. */
struct capacity capacity_decide(const struct capacity_facts *facts);

/* `root` stands before every path: "" but in tests. */
void capacity_read(struct capacity_facts *facts, const char *root);

/* What the setting `workers` means now: `workers` itself, or for 0, auto, what is decided: one
 * line in the log says why. */
unsigned capacity_workers(uint64_t workers, unsigned most, struct log *log);

#endif
