#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "init/cgroup.h"

/* A directory that stands for "/". */
struct fixture {
	char root[64];
	struct cgroup cgroup;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	snprintf(f->root, sizeof(f->root), "/tmp/cgroup_test.XXXXXX");
	*state = f;
	return mkdtemp(f->root) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status;
	(void)flag;
	(void)walk;
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int left = nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(f);
	return left;
}

static void put(const struct fixture *f, const char *name, const char *content)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", f->root, name);
	for (char *at = path + strlen(f->root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(path, 0700);
		*at = '/';
	}
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void find(struct fixture *f)
{
	cgroup_find(&f->cgroup, f->root);
}

static void expect(struct fixture *f, uint64_t quota, uint64_t memory)
{
	find(f);
	assert_int_equal(cgroup_cpu_quota(&f->cgroup), quota);
	assert_int_equal(cgroup_memory_limit(&f->cgroup), memory);
}

/* The path of the counter, without the root; and what it counts. */
static void expect_counter(struct fixture *f, const char *name, uint64_t wanted)
{
	char path[PATH_MAX], bytes[256] = "";
	uint64_t kills;
	FD_SCOPED fd = -1;

	find(f);
	fd = cgroup_open_oom_counter(&f->cgroup, path);
	assert_true(fd >= 0);
	assert_string_equal(path + strlen(f->root), name);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) > 0);
	assert_true(cgroup_parse_oom_kills(bytes, &kills));
	assert_int_equal(kills, wanted);
}

static void expect_no_counter(struct fixture *f)
{
	char path[PATH_MAX];

	find(f);
	assert_int_equal(cgroup_open_oom_counter(&f->cgroup, path), -ENOENT);
}

#define V1_MOUNTS                                                                              \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                  \
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n" \
	"34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"                    \
	"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
#define V1_CPU "/sys/fs/cgroup/cpu,cpuacct"
#define V1_MEMORY "/sys/fs/cgroup/memory"
#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static void the_files_of_v1_are_read(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "4:memory:/a/b\n3:cpuset:/\n2:cpu,cpuacct:/a\n");
	put(f, "/proc/self/mountinfo", V1_MOUNTS);
	put(f, V1_CPU "/a/cpu.cfs_quota_us", "150000\n");
	put(f, V1_CPU "/a/cpu.cfs_period_us", "100000\n");
	put(f, V1_MEMORY "/a/b/memory.limit_in_bytes", "67108864\n");
	put(f, V1_MEMORY "/a/b/memory.oom_control",
		"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	expect(f, 1500, 67108864);
	expect_counter(f, V1_MEMORY "/a/b/memory.oom_control", 3);
}

static void what_v1_does_not_limit_is_no_limit(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "4:memory:/a\n2:cpu,cpuacct:/a\n");
	put(f, "/proc/self/mountinfo", V1_MOUNTS);
	put(f, V1_CPU "/a/cpu.cfs_quota_us", "-1\n");
	put(f, V1_CPU "/a/cpu.cfs_period_us", "100000\n");
	put(f, V1_MEMORY "/a/memory.limit_in_bytes", "9223372036854771712\n");
	expect(f, CGROUP_NONE, CGROUP_NONE);
}

static void the_files_of_v2_are_read(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "0::/pod/app\n");
	put(f, "/proc/self/mountinfo", V2_MOUNT);
	put(f, "/sys/fs/cgroup/pod/app/cpu.max", "50000 100000\n");
	put(f, "/sys/fs/cgroup/pod/app/memory.max", "134217728\n");
	put(f, "/sys/fs/cgroup/pod/app/memory.events",
		"low 0\nhigh 0\nmax 9\noom 9\noom_kill 2\noom_group_kill 0\n");
	expect(f, 500, 134217728);
	expect_counter(f, "/sys/fs/cgroup/pod/app/memory.events", 2);
	put(f, "/sys/fs/cgroup/pod/app/memory.events.local", "oom 9\noom_kill 1\n");
	expect_counter(f, "/sys/fs/cgroup/pod/app/memory.events.local", 1);
}

static void expect_processes(struct fixture *f, uint64_t wanted)
{
	find(f);
	assert_int_equal(cgroup_process_limit(&f->cgroup), wanted);
}

static void the_tightest_limit_of_processes_counts(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "5:pids:/a/b\n0::/pod\n");
	put(f, "/proc/self/mountinfo",
		V2_MOUNT "36 31 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
	expect_processes(f, CGROUP_NONE);
	put(f, "/sys/fs/cgroup/pids/a/b/pids.max", "max\n");
	expect_processes(f, CGROUP_NONE);
	put(f, "/sys/fs/cgroup/pids/a/pids.max", "64\n");
	expect_processes(f, 64);
	put(f, "/sys/fs/cgroup/pod/pids.max", "12\n");
	expect_processes(f, 12);
}

static void max_is_no_limit(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "0::/\n");
	put(f, "/proc/self/mountinfo", V2_MOUNT);
	put(f, "/sys/fs/cgroup/cpu.max", "max 100000\n");
	put(f, "/sys/fs/cgroup/memory.max", "max\n");
	expect(f, CGROUP_NONE, CGROUP_NONE);
}

static void a_parent_may_be_tighter_and_so_may_the_top(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "0::/pod/app\n");
	put(f, "/proc/self/mountinfo", V2_MOUNT);
	put(f, "/sys/fs/cgroup/pod/app/cpu.max", "400000 100000\n");
	put(f, "/sys/fs/cgroup/pod/cpu.max", "250000 100000\n");
	put(f, "/sys/fs/cgroup/pod/app/memory.max", "max\n");
	put(f, "/sys/fs/cgroup/memory.max", "1048576\n");
	put(f, "/sys/fs/memory.max", "1\n"); /* above the mount point: none of our business */
	put(f, "/sys/fs/cgroup/pod/other/cpu.max", "1000 100000\n");
	expect(f, 2500, 1048576);
}

static void memory_accounted_for_above_is_counted_there(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "0::/pod/app\n");
	put(f, "/proc/self/mountinfo", V2_MOUNT);
	put(f, "/sys/fs/cgroup/pod/app/cpu.max", "max 100000\n");
	put(f, "/sys/fs/cgroup/pod/memory.events.local", "oom_kill 5\n");
	expect_counter(f, "/sys/fs/cgroup/pod/memory.events.local", 5);
}

static void a_hybrid_takes_each_limit_where_it_is(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "4:memory:/a\n1:name=systemd:/x\n0::/x\n");
	put(f, "/proc/self/mountinfo",
		V1_MOUNTS "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	put(f, V1_MEMORY "/a/memory.limit_in_bytes", "4096\n");
	put(f, V1_MEMORY "/a/memory.oom_control", "oom_kill 1\n");
	put(f, "/sys/fs/cgroup/unified/x/cpu.max", "100000 100000\n");
	put(f, "/sys/fs/cgroup/unified/x/memory.events", "oom_kill 9\n");
	expect(f, 1000, 4096);
	expect_counter(f, V1_MEMORY "/a/memory.oom_control", 1);
}

static void in_a_container_the_group_itself_is_mounted(void **state)
{
	struct fixture *f = *state;

	/* v1 without a cgroup namespace, as Docker mounts it. */
	put(f, "/proc/self/cgroup", "4:memory:/docker/c0ffee\n2:cpu,cpuacct:/docker/c0ffee/sub\n");
	put(f, "/proc/self/mountinfo",
		"32 31 0:29 /docker/c0ffee /sys/fs/cgroup/cpu ro master:9 - cgroup cgroup rw,cpu\n"
		"35 31 0:32 /docker/c0ffee /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
	put(f, "/sys/fs/cgroup/cpu/sub/cpu.cfs_quota_us", "100000\n");
	put(f, "/sys/fs/cgroup/cpu/sub/cpu.cfs_period_us", "50000\n");
	put(f, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "8192\n");
	expect(f, 2000, 8192);
}

static void a_namespace_that_hides_the_way_leaves_the_mount_point(void **state)
{
	static const char *const groups[] = {"0::/\n", "0::/../elsewhere\n", "0::/unseen\n",
		"0::\n", ""};
	struct fixture *f = *state;

	put(f, "/sys/fs/cgroup/memory.max", "4096\n");
	put(f, "/sys/fs/elsewhere/memory.max", "1\n");
	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		put(f, "/proc/self/cgroup", groups[i]);
		put(f, "/proc/self/mountinfo",
			"30 23 0:26 /.. /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
		expect(f, CGROUP_NONE, 4096);
		put(f, "/proc/self/mountinfo", V2_MOUNT);
		expect(f, CGROUP_NONE, 4096);
	}
}

static void of_several_mounts_the_one_with_our_group_counts(void **state)
{
	struct fixture *f = *state;

	put(f, "/proc/self/cgroup", "0::/pod/app\n");
	put(f, "/proc/self/mountinfo",
		"1 0 0:26 /other /first rw - cgroup2 cgroup2 rw\n"
		"2 0 0:26 /pod/app /our\\040own rw - cgroup2 cgroup2 rw\n"
		"3 0 0:26 /pod/ap /last rw - cgroup2 cgroup2 rw\n");
	put(f, "/first/memory.max", "1\n");
	put(f, "/our own/memory.max", "4096\n");
	put(f, "/last/memory.max", "2\n");
	expect(f, CGROUP_NONE, 4096);
}

static void without_proc_the_usual_places_are_looked_at(void **state)
{
	struct fixture *f = *state;

	put(f, "/sys/fs/cgroup/cpu.max", "150000 100000\n");
	put(f, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
	put(f, "/sys/fs/cgroup/memory.events", "oom_kill 1\n");
	expect(f, 1500, 4096);
	expect_counter(f, "/sys/fs/cgroup/memory.events", 1);
}

static void where_nothing_is_nothing_is_limited(void **state)
{
	struct fixture *f = *state;

	expect(f, CGROUP_NONE, CGROUP_NONE); /* no /proc, no /sys */
	put(f, "/proc/self/cgroup", "4:memory:/a\n2:cpu,cpuacct:/a\n0::/a\n");
	expect(f, CGROUP_NONE, CGROUP_NONE); /* no mountinfo */
	put(f, "/proc/self/mountinfo", V1_MOUNTS V2_MOUNT);
	expect(f, CGROUP_NONE, CGROUP_NONE); /* mounted, and empty */
	expect_no_counter(f);
}

static void nonsense_limits_nothing_and_breaks_nothing(void **state)
{
	static const char *const lines[] = {"", "\n", ":", "::", ":::::", "4:memory", "4:memory:a",
		"- - - - - - -", "1 2 3 / / -", "1 2 3 / / - cgroup2",
		"1 2 3 / relative - cgroup2 x rw", "1 2 3 / \\", "1 2 3 / /\\0 - cgroup2 x rw",
		"        ", "\xff\xfe - cgroup cgroup memory"};
	static const char *const numbers[] = {"", "\n", "many\n", "-5\n", "1e9\n", "0x10 0x10\n",
		"99999999999999999999 1\n", " 1 1\n"};
	static const char *const quotas_of_nothing[] = {"100000 0\n", "5 -1\n", "100000 \n",
		"100000\n"};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		put(f, "/proc/self/cgroup", lines[i]);
		put(f, "/proc/self/mountinfo", lines[i]);
		find(f);
		(void)cgroup_memory_limit(&f->cgroup);
		expect_no_counter(f);
	}
	put(f, "/proc/self/cgroup", "0::/\n");
	put(f, "/proc/self/mountinfo", V2_MOUNT);
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		put(f, "/sys/fs/cgroup/cpu.max", numbers[i]);
		put(f, "/sys/fs/cgroup/memory.max", numbers[i]);
		put(f, "/sys/fs/cgroup/memory.events", numbers[i]);
		expect(f, CGROUP_NONE, CGROUP_NONE);
		expect_no_counter(f);
	}
	for (size_t i = 0; i < COUNT_OF(quotas_of_nothing); i++) {
		put(f, "/sys/fs/cgroup/cpu.max", quotas_of_nothing[i]);
		assert_int_equal(cgroup_cpu_quota(&f->cgroup), CGROUP_NONE);
	}
}

static void a_path_too_long_for_us_is_no_path(void **state)
{
	char line[3 * CGROUP_PATH_MAX] = "0::/";
	struct cgroup cgroup = {.root = ""};
	char directory[PATH_MAX];
	size_t top;

	(void)state;
	memset(line + 4, 'x', sizeof(line) - 5);
	cgroup_note_group(&cgroup, line);
	assert_string_equal(cgroup.hierarchies[CGROUP_UNIFIED].group, "");
	assert_false(cgroup_directory(&cgroup.hierarchies[CGROUP_UNIFIED], directory, &top));
	memcpy(line, "1 2 3 / /", 9);
	memcpy(line + sizeof(line) - 24, " rw - cgroup2 cgroup2 rw", 24);
	line[sizeof(line) - 1] = '\0';
	cgroup_note_mount(&cgroup, line);
	assert_string_equal(cgroup.hierarchies[CGROUP_UNIFIED].point, "");
}

static const struct {
	const char *quota, *period;
	uint64_t thousandths;
} quotas[] = {
	{"50000", "100000", 500},
	{"100000\n", "100000\n", 1000},
	{"150000", "100000\n", 1500},
	{"1", "1000000", 1}, /* never rounded to nothing */
	{"100001", "100000", 1001},
	{"33333", "100000", 334},
	{"18446744073709551", "1", 18446744073709551000u},
	{"18446744073709552", "1", CGROUP_NONE},
	{"max", "100000", CGROUP_NONE},
	{"-1", "100000", CGROUP_NONE},
	{"100000", "0", CGROUP_NONE},
	{"100000", "", CGROUP_NONE},
};

static void a_quota_is_rounded_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(quotas); i++)
		assert_int_equal(cgroup_parse_quota(quotas[i].quota, quotas[i].period),
			quotas[i].thousandths);
}

static void only_the_number_behind_oom_kill_counts(void **state)
{
	static const char *const without[] = {"", "oom 4\n", "oom_kill_disable 1\n", "oom_kill\n",
		"oom_kill x\n", "oom_group_kill 1\n", " oom_kill 1\n", "oom_kill 1x\n"};
	uint64_t kills;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(without); i++)
		assert_false(cgroup_parse_oom_kills(without[i], &kills));
	assert_true(cgroup_parse_oom_kills("oom_kill_disable 1\noom 7\noom_kill 12", &kills));
	assert_int_equal(kills, 12);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(the_files_of_v1_are_read),
		WITH_ROOT(what_v1_does_not_limit_is_no_limit),
		WITH_ROOT(the_files_of_v2_are_read),
		WITH_ROOT(the_tightest_limit_of_processes_counts),
		WITH_ROOT(max_is_no_limit),
		WITH_ROOT(a_parent_may_be_tighter_and_so_may_the_top),
		WITH_ROOT(memory_accounted_for_above_is_counted_there),
		WITH_ROOT(a_hybrid_takes_each_limit_where_it_is),
		WITH_ROOT(in_a_container_the_group_itself_is_mounted),
		WITH_ROOT(a_namespace_that_hides_the_way_leaves_the_mount_point),
		WITH_ROOT(of_several_mounts_the_one_with_our_group_counts),
		WITH_ROOT(without_proc_the_usual_places_are_looked_at),
		WITH_ROOT(where_nothing_is_nothing_is_limited),
		WITH_ROOT(nonsense_limits_nothing_and_breaks_nothing),
		cmocka_unit_test(a_path_too_long_for_us_is_no_path),
		cmocka_unit_test(a_quota_is_rounded_up),
		cmocka_unit_test(only_the_number_behind_oom_kill_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
