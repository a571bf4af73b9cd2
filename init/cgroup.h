/*
 * cgroup.h - what the control groups of this process allow it: v1, v2, and both at once.
 *
 * Which group we are in stands in /proc/self/cgroup, where its files are in /proc/self/mountinfo
 * (cgroups(7), proc(5)). In a container either may be cut off at the container's own group, so
 * that the files stand right at the mount point. A parent may be tighter than its child: every
 * limit is looked for on all the way up. Nothing is written here, nothing is moved; and a file that
 * is missing, unreadable or holds nonsense limits nothing.
 */
#ifndef INIT_CGROUP_H
#define INIT_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define CGROUP_NONE UINT64_MAX /* no limit */
#define CGROUP_PATH_MAX 1024   /* of what is longer nothing is known */

enum cgroup_kind {
	CGROUP_CPU,	/* v1, with the controller cpu */
	CGROUP_MEMORY,	/* v1, with the controller memory */
	CGROUP_PIDS,	/* v1, with the controller pids */
	CGROUP_UNIFIED, /* v2 */
	CGROUP_KINDS
};

/* All paths as the kernel tells them; "" for none. */
struct cgroup_hierarchy {
	char group[CGROUP_PATH_MAX]; /* ours */
	char top[CGROUP_PATH_MAX];   /* the group that is seen at `point` */
	char point[CGROUP_PATH_MAX]; /* where it is mounted */
};

struct cgroup {
	const char *root; /* borrowed: what stands before every path; "" but in tests */
	struct cgroup_hierarchy hierarchies[CGROUP_KINDS];
};

/* Reads where everything is; without /proc, supposes what is usual. */
void cgroup_find(struct cgroup *cgroup, const char *root);

/* The tightest CPU quota, in thousandths of a CPU and rounded up; or CGROUP_NONE. */
uint64_t cgroup_cpu_quota(const struct cgroup *cgroup);
/* The tightest memory limit, in bytes; or CGROUP_NONE. */
uint64_t cgroup_memory_limit(const struct cgroup *cgroup);
/* The tightest limit of processes and threads, or CGROUP_NONE. */
uint64_t cgroup_process_limit(const struct cgroup *cgroup);

/*
 * The file that counts the OOM kills among the processes of our own group (those that were
 * born by us are in it, too): the descriptor, owned by the caller, with its path for another
 * time; or -ENOENT when there is none that can be read.
 */
MUST_USE int cgroup_open_oom_counter(const struct cgroup *cgroup, char path[static PATH_MAX]);

/* The pure parts: */

/* One line of /proc/self/cgroup. */
void cgroup_note_group(struct cgroup *cgroup, const char *line);
/* One line of /proc/self/mountinfo; to be told after all groups. */
void cgroup_note_mount(struct cgroup *cgroup, const char *line);
/* The directory of our group, without `root`; its first *top bytes are the mount point. */
bool cgroup_directory(const struct cgroup_hierarchy *hierarchy, char directory[static PATH_MAX],
	size_t *top);
/* Thousandths of a CPU out of microseconds as text, as in cpu.max; or CGROUP_NONE. */
uint64_t cgroup_parse_quota(const char *quota, const char *period);
/* Bytes; or CGROUP_NONE for "max", v1's largest number and nonsense. */
uint64_t cgroup_parse_memory(const char *text);
/* The number behind "oom_kill" in memory.oom_control or memory.events. False: there is none. */
bool cgroup_parse_oom_kills(const char *text, uint64_t *kills);

#endif
