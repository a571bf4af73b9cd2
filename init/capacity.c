#include "init/capacity.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>

#include "base/text.h"
#include "init/cgroup.h"

#define CPUS_MAX 65536 /* bits that a set of CPUs may have; Linux knows 8192 at the most */

struct capacity capacity_decide(const struct capacity_facts *facts)
{
	const struct {
		uint64_t workers;
		const char *reason;
	} bounds[] = {
		{facts->quota / 1000 + (facts->quota % 1000 != 0), "quota"},
		{facts->cpus, "cpus"},
		{facts->memory / CAPACITY_WORKER_BYTES, "memory"},
		{facts->most, "most"},
	};
	size_t least = 0;

	for (size_t i = 1; i < COUNT_OF(bounds); i++) {
		if (bounds[i].workers < bounds[least].workers)
			least = i;
	}
	return (struct capacity){
		.workers = bounds[least].workers > 0 ? (unsigned)bounds[least].workers : 1,
		.reason = bounds[least].reason,
	};
}

/* The kernel refuses, with EINVAL, a set smaller than its own: so it grows until it fits. */
static uint64_t count_cpus(void)
{
	for (size_t most = 1024; most <= CPUS_MAX; most *= 2) {
		cpu_set_t *set = CPU_ALLOC(most);
		size_t size = CPU_ALLOC_SIZE(most);
		int refused, n;

		if (set == NULL)
			return 1;
		refused = sched_getaffinity(0, size, set) != 0 ? errno : 0;
		n = refused == 0 ? CPU_COUNT_S(size, set) : 1;
		CPU_FREE(set);
		if (refused != EINVAL)
			return n > 0 ? (uint64_t)n : 1;
	}
	return 1;
}

void capacity_read(struct capacity_facts *facts, const char *root)
{
	struct cgroup cgroup;

	cgroup_find(&cgroup, root);
	facts->cpus = count_cpus();
	facts->quota = cgroup_cpu_quota(&cgroup);
	facts->memory = cgroup_memory_limit(&cgroup);
}

/* Thousandths as a number of CPUs: 1500 is "1.5". */
static void add_quota(struct text *text, uint64_t quota)
{
	uint64_t part = quota % 1000;
	unsigned digits = 3;

	text_add_uint(text, quota / 1000);
	for (; part != 0 && part % 10 == 0; part /= 10)
		digits--;
	if (part != 0) {
		text_add_char(text, '.');
		text_add_padded(text, part, digits);
	}
}

unsigned capacity_workers(uint64_t workers, unsigned most, struct log *log)
{
	struct capacity_facts facts = {.most = most};
	struct capacity capacity;
	char quota_bytes[32], memory_bytes[32];
	struct text quota = TEXT_OVER(quota_bytes), memory = TEXT_OVER(memory_bytes);

	if (workers != 0)
		return (unsigned)workers;
	capacity_read(&facts, "");
	capacity = capacity_decide(&facts);
	if (facts.quota != CGROUP_NONE)
		add_quota(&quota, facts.quota);
	if (facts.memory != CGROUP_NONE)
		text_add_uint(&memory, facts.memory);
	log_info(log, "workers_auto", log_uint("workers", capacity.workers),
		log_uint("cpus", facts.cpus),
		log_string("quota", quota.used != 0 ? quota_bytes : "none"),
		log_string("memory", memory.used != 0 ? memory_bytes : "none"),
		log_string("reason", capacity.reason));
	return capacity.workers;
}
