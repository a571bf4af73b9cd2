#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/capacity.h"
#include "init/cgroup.h"

#define MIB (UINT64_C(1) << 20)

static const struct {
	uint64_t cpus, quota, memory;
	unsigned workers;
	const char *reason;
} cases[] = {
	{4, CGROUP_NONE, CGROUP_NONE, 4, "cpus"},
	{4, 500, CGROUP_NONE, 1, "quota"},
	{4, 1000, CGROUP_NONE, 1, "quota"},
	{4, 1500, CGROUP_NONE, 2, "quota"},
	{2, 1500, CGROUP_NONE, 2, "quota"}, /* of equal bounds, the one that somebody set */
	{2, 2001, CGROUP_NONE, 2, "cpus"},
	{8, 8000, 64 * MIB, 2, "memory"},
	{8, CGROUP_NONE, 95 * MIB, 2, "memory"},
	{2, CGROUP_NONE, 64 * MIB, 2, "cpus"},
	{8, 1, 1, 1, "memory"}, /* never none */
	{8, 0, CGROUP_NONE, 1, "quota"},
	{0, CGROUP_NONE, CGROUP_NONE, 1, "cpus"},
	{1024, CGROUP_NONE, CGROUP_NONE, 512, "most"},
	{1024, 600000, CGROUP_NONE, 512, "most"},
	{UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 1, 512, "most"},
};

static void the_tightest_bound_decides_and_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct capacity_facts facts = {cases[i].cpus, cases[i].quota, cases[i].memory, 512};
		struct capacity capacity = capacity_decide(&facts);

		assert_int_equal(capacity.workers, cases[i].workers);
		assert_string_equal(capacity.reason, cases[i].reason);
	}
}

static void the_affinity_says_how_many_cpus(void **state)
{
	struct capacity_facts facts;
	cpu_set_t before, one;
	size_t first = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(first, &before))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	capacity_read(&facts, "/nowhere");
	assert_int_equal(facts.cpus, CPU_COUNT(&before));
	assert_int_equal(facts.quota, CGROUP_NONE);
	assert_int_equal(facts.memory, CGROUP_NONE);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	capacity_read(&facts, "/nowhere");
	assert_int_equal(facts.cpus, 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

/* What a log line says of it. */
static unsigned workers_and_line(uint64_t workers, char *line, size_t size)
{
	FD_SCOPED fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct log log = {.fd = fd, .level = LOG_INFO};
	unsigned decided;
	ssize_t n;

	assert_true(fd >= 0);
	decided = capacity_workers(workers, 512, &log);
	n = pread(fd, line, size - 1, 0);
	assert_true(n >= 0);
	line[n] = '\0';
	return decided;
}

static void a_number_is_taken_as_it_is_and_auto_says_why(void **state)
{
	char line[512], head[64];
	unsigned decided;

	(void)state;
	assert_int_equal(workers_and_line(7, line, sizeof(line)), 7);
	assert_string_equal(line, "");
	decided = workers_and_line(0, line, sizeof(line));
	assert_in_range(decided, 1, 512);
	snprintf(head, sizeof(head), " info workers_auto workers=%u cpus=", decided);
	assert_non_null(strstr(line, head));
	assert_non_null(strstr(line, " quota="));
	assert_non_null(strstr(line, " memory="));
	assert_non_null(strstr(line, " reason="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tightest_bound_decides_and_is_named),
		cmocka_unit_test(the_affinity_says_how_many_cpus),
		cmocka_unit_test(a_number_is_taken_as_it_is_and_auto_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
