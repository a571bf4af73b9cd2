#include "init/metrics_look.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define US_PER_MS 1000
#define US_PER_S 1000000

static void look_at_workers(const struct arbiter *a, struct metrics *m)
{
	for (enum state state = 0; state < STATES; state++)
		m->workers[state] = roster_count(&a->roster, state);
	for (unsigned i = 0; i < a->roster.size; i++) {
		const struct page *page = a->children[i].page;

		if (page == NULL)
			continue;
		tally_add_page(&m->tally, page);
		m->connections += atomic_load(&page->connections);
	}
}

static uint64_t cpu_time(void)
{
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
		return METRICS_UNKNOWN;
	return (uint64_t)used.tv_sec * US_PER_S + (uint64_t)used.tv_nsec / 1000;
}

/* Its first two numbers are pages: mapped, and resident (proc(5)). */
static void look_at_memory(struct metrics *m)
{
	FD_SCOPED fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	uint64_t unit = (uint64_t)sysconf(_SC_PAGESIZE);
	char bytes[128];
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes) - 1) : -1;
	char *end;

	m->virtual = m->resident = METRICS_UNKNOWN;
	if (n <= 0)
		return;
	bytes[n] = '\0';
	m->virtual = strtoull(bytes, &end, 10) * unit;
	m->resident = strtoull(end, &end, 10) * unit;
}

/* Linux 6.2 and newer tell it as the folder's size; before, that is 0. */
static uint64_t count_fds(void)
{
	struct stat status;
	uint64_t n = 0;
	DIR *folder;

	if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
		return (uint64_t)status.st_size;
	folder = opendir("/proc/self/fd");
	if (folder == NULL)
		return METRICS_UNKNOWN;
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
		n += entry->d_name[0] != '.';
	(void)closedir(folder);
	return n - 1; /* the folder itself */
}

static uint64_t most_fds(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : METRICS_UNKNOWN;
}

void metrics_look(const struct arbiter *a, struct metrics *m)
{
	*m = (struct metrics){
		.version = NARWHAL_VERSION,
		.start_us = a->born_wall_ms * US_PER_MS,
		.uptime_us = (a->now_ms - a->born_ms) * US_PER_MS,
		.ready = a->ready,
		.generation = a->wish.crew.generation,
		.phase = a->wish.phase,
		.wished = a->wish.crew.workers,
		.tally = a->tally,
		.log_dropped = a->log.told + a->log.dropped,
		.cut = a->dropped,
		.cpu_us = cpu_time(),
		.open_fds = count_fds(),
		.max_fds = most_fds(),
	};
	memcpy(m->exits, a->exits, sizeof(m->exits));
	look_at_workers(a, m);
	look_at_memory(m);
}
