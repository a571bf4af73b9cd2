#include "init/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

#define FILE_MAX 1024 /* memory.events has some 120 bytes */

static const struct {
	const char *controller; /* of v1; NULL: the unified hierarchy has them all */
	const char *usual_point;
} kinds[CGROUP_KINDS] = {
	[CGROUP_CPU] = {"cpu", "/sys/fs/cgroup/cpu"},
	[CGROUP_MEMORY] = {"memory", "/sys/fs/cgroup/memory"},
	[CGROUP_PIDS] = {"pids", "/sys/fs/cgroup/pids"},
	[CGROUP_UNIFIED] = {NULL, "/sys/fs/cgroup"},
};

/* The word that *text begins with, up to one of `ends`; *text moves behind it and its end. */
static const char *take_word(const char **text, const char *ends, size_t *size)
{
	const char *word = *text;

	*size = strcspn(word, ends);
	*text = word + *size + (word[*size] != '\0');
	return word;
}

static bool is_word(const char *word, size_t size, const char *wanted)
{
	return strlen(wanted) == size && memcmp(word, wanted, size) == 0;
}

static bool has_word(const char *list, size_t list_size, const char *wanted)
{
	for (const char *end = list + list_size; list < end;) {
		size_t size = strcspn(list, ", \n:");

		if (is_word(list, size, wanted))
			return true;
		list += size + 1;
	}
	return false;
}

static void keep(char path[static CGROUP_PATH_MAX], const char *bytes, size_t size)
{
	size = size < CGROUP_PATH_MAX ? size : 0;
	memcpy(path, bytes, size);
	path[size] = '\0';
}

/* "4:memory:/a", "2:cpu,cpuacct:/a", "0::/a" */
void cgroup_note_group(struct cgroup *cgroup, const char *line)
{
	size_t size, list_size;
	const char *list, *path;

	(void)take_word(&line, ":", &size);
	list = take_word(&line, ":", &list_size);
	path = take_word(&line, "\n", &size);
	if (path[0] != '/')
		return;
	for (unsigned i = 0; i < CGROUP_KINDS; i++) {
		const char *controller = kinds[i].controller;

		if (controller != NULL ? has_word(list, list_size, controller) : list_size == 0)
			keep(cgroup->hierarchies[i].group, path, size);
	}
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void keep_unescaped(char path[static CGROUP_PATH_MAX], const char *bytes, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < size && used < CGROUP_PATH_MAX - 1; i++, used++) {
		path[used] = bytes[i];
		if (bytes[i] == '\\' && size - i > 3) {
			path[used] = (char)((bytes[i + 1] - '0') << 6 | (bytes[i + 2] - '0') << 3 |
					    (bytes[i + 3] - '0'));
			i += 3;
		}
	}
	path[size < CGROUP_PATH_MAX ? used : 0] = '\0';
}

/* What follows `top` in the path of our group: "" or from a slash on. NULL: it is not below. */
static const char *below_top(const struct cgroup_hierarchy *h)
{
	size_t size = strcmp(h->top, "/") == 0 ? 0 : strlen(h->top);

	/* A group above the namespace's root is "/../x": that is no way from the mount point. */
	if (strstr(h->group, "/..") != NULL || strncmp(h->group, h->top, size) != 0)
		return NULL;
	return h->group[size] == '/' || h->group[size] == '\0' ? h->group + size : NULL;
}

/* Of several mounts: the last that shows our group, as it may cover others; else the first. */
static void note_mount_of(struct cgroup_hierarchy *h, const struct cgroup_hierarchy *mount)
{
	struct cgroup_hierarchy seen = *mount;

	memcpy(seen.group, h->group, sizeof(seen.group));
	if (h->point[0] == '\0' || below_top(&seen) != NULL)
		*h = seen;
}

/* "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory" */
void cgroup_note_mount(struct cgroup *cgroup, const char *line)
{
	struct cgroup_hierarchy mount = {.group = ""};
	size_t size, type_size;
	const char *word, *type;

	for (int i = 0; i < 3; i++)
		(void)take_word(&line, " ", &size);
	word = take_word(&line, " ", &size);
	keep_unescaped(mount.top, word, size);
	word = take_word(&line, " ", &size);
	keep_unescaped(mount.point, word, size);
	do
		word = take_word(&line, " ", &size);
	while (word[0] != '\0' && !is_word(word, size, "-"));
	type = take_word(&line, " ", &type_size);
	(void)take_word(&line, " ", &size);
	word = take_word(&line, "\n", &size);
	if (mount.point[0] != '/')
		return;
	for (unsigned i = 0; i < CGROUP_KINDS; i++) {
		const char *controller = kinds[i].controller;

		if (controller != NULL ? is_word(type, type_size, "cgroup") &&
						 has_word(word, size, controller)
				       : is_word(type, type_size, "cgroup2"))
			note_mount_of(&cgroup->hierarchies[i], &mount);
	}
}

bool cgroup_directory(const struct cgroup_hierarchy *h, char directory[static PATH_MAX],
	size_t *top)
{
	struct text text = {.bytes = directory, .size = PATH_MAX};
	const char *below = below_top(h);

	if (h->point[0] == '\0')
		return false;
	text_add(&text, h->point);
	*top = text.used;
	if (below != NULL && strcmp(below, "/") != 0)
		text_add(&text, below);
	return true;
}

static void each_line(const char *root, const char *name, struct cgroup *cgroup,
	void (*note)(struct cgroup *, const char *))
{
	char path[PATH_MAX];
	struct text text = TEXT_OVER(path);
	char *line = NULL;
	size_t size = 0;
	FILE *stream;

	text_add(&text, root);
	text_add(&text, name);
	stream = fopen(path, "re");
	if (stream == NULL)
		return;
	while (getline(&line, &size, stream) > 0)
		note(cgroup, line);
	free(line);
	(void)fclose(stream);
}

void cgroup_find(struct cgroup *cgroup, const char *root)
{
	bool found = false;

	*cgroup = (struct cgroup){.root = root};
	each_line(root, "/proc/self/cgroup", cgroup, cgroup_note_group);
	each_line(root, "/proc/self/mountinfo", cgroup, cgroup_note_mount);
	for (unsigned i = 0; i < CGROUP_KINDS; i++)
		found = found || cgroup->hierarchies[i].point[0] != '\0';
	for (unsigned i = 0; i < CGROUP_KINDS && !found; i++)
		keep(cgroup->hierarchies[i].point, kinds[i].usual_point,
			strlen(kinds[i].usual_point));
}

/* The path of one file of one of the groups on the way up. */
struct place {
	char path[PATH_MAX];
	size_t size; /* of the group's directory */
	size_t top;  /* of the mount point: no further up */
};

static bool place_begin(struct place *place, const struct cgroup *cgroup, enum cgroup_kind kind)
{
	char directory[PATH_MAX];
	struct text text = TEXT_OVER(place->path);

	if (!cgroup_directory(&cgroup->hierarchies[kind], directory, &place->top))
		return false;
	text_add(&text, cgroup->root);
	place->top += text.used;
	text_add(&text, directory);
	place->size = text.used;
	return !text.cut;
}

static bool place_rise(struct place *place)
{
	if (place->size <= place->top)
		return false;
	do
		place->size--;
	while (place->size > place->top && place->path[place->size] != '/');
	return true;
}

static int place_open(struct place *place, const char *name)
{
	struct text text = {.bytes = place->path, .size = PATH_MAX, .used = place->size};
	int fd;

	text_add(&text, "/");
	text_add(&text, name);
	if (text.cut)
		return -ENAMETOOLONG;
	/* A control file never blocks; O_NONBLOCK is for whatever else bears its name. */
	fd = open(place->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd >= 0 ? fd : -errno;
}

static bool place_read(struct place *place, const char *name, char bytes[static FILE_MAX])
{
	FD_SCOPED fd = place_open(place, name);
	ssize_t n = fd >= 0 ? read(fd, bytes, FILE_MAX - 1) : -1;

	bytes[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static uint64_t to_number(const char *text)
{
	uint64_t number;

	return text_to_uint(text, strcspn(text, " \n"), CGROUP_NONE - 1, &number) == 0
		       ? number
		       : CGROUP_NONE;
}

uint64_t cgroup_parse_quota(const char *quota_text, const char *period_text)
{
	uint64_t quota = to_number(quota_text), period = to_number(period_text), cpus, rest;

	if (quota == CGROUP_NONE || period == CGROUP_NONE || period == 0 ||
		quota > CGROUP_NONE / 1000)
		return CGROUP_NONE;
	cpus = quota * 1000 / period;
	rest = quota * 1000 % period;
	return cpus + (rest != 0);
}

uint64_t cgroup_parse_memory(const char *text)
{
	uint64_t bytes = to_number(text);

	/* v1 writes "no limit" as the largest long, cut to whole pages of whatever size. */
	return bytes < UINT64_C(1) << 62 ? bytes : CGROUP_NONE;
}

bool cgroup_parse_oom_kills(const char *text, uint64_t *kills)
{
	static const char name[] = "oom_kill ";

	while (*text != '\0') {
		size_t size;
		const char *line = take_word(&text, "\n", &size);

		if (strncmp(line, name, sizeof(name) - 1) == 0) {
			*kills = to_number(line + sizeof(name) - 1);
			return *kills != CGROUP_NONE;
		}
	}
	return false;
}

static uint64_t quota_v1(struct place *place)
{
	char quota[FILE_MAX], period[FILE_MAX];

	if (!place_read(place, "cpu.cfs_quota_us", quota) ||
		!place_read(place, "cpu.cfs_period_us", period))
		return CGROUP_NONE;
	return cgroup_parse_quota(quota, period); /* "-1" is no number: no limit */
}

static uint64_t quota_v2(struct place *place)
{
	char quota[FILE_MAX], *period;

	if (!place_read(place, "cpu.max", quota))
		return CGROUP_NONE;
	period = quota + strcspn(quota, " ");
	return cgroup_parse_quota(quota, *period != '\0' ? period + 1 : period);
}

static uint64_t memory_v1(struct place *place)
{
	char bytes[FILE_MAX];

	return place_read(place, "memory.limit_in_bytes", bytes) ? cgroup_parse_memory(bytes)
								 : CGROUP_NONE;
}

static uint64_t memory_v2(struct place *place)
{
	char bytes[FILE_MAX];

	return place_read(place, "memory.max", bytes) ? cgroup_parse_memory(bytes) : CGROUP_NONE;
}

/* Of both versions; "max" is no number. */
static uint64_t processes(struct place *place)
{
	char bytes[FILE_MAX];

	return place_read(place, "pids.max", bytes) ? to_number(bytes) : CGROUP_NONE;
}

static uint64_t tightest(const struct cgroup *cgroup, enum cgroup_kind kind,
	uint64_t (*limit)(struct place *))
{
	uint64_t least = CGROUP_NONE;
	struct place place;

	if (!place_begin(&place, cgroup, kind))
		return CGROUP_NONE;
	do {
		uint64_t here = limit(&place);

		least = here < least ? here : least;
	} while (place_rise(&place));
	return least;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t cgroup_cpu_quota(const struct cgroup *cgroup)
{
	return lesser(tightest(cgroup, CGROUP_CPU, quota_v1),
		tightest(cgroup, CGROUP_UNIFIED, quota_v2));
}

uint64_t cgroup_memory_limit(const struct cgroup *cgroup)
{
	return lesser(tightest(cgroup, CGROUP_MEMORY, memory_v1),
		tightest(cgroup, CGROUP_UNIFIED, memory_v2));
}

uint64_t cgroup_process_limit(const struct cgroup *cgroup)
{
	return lesser(tightest(cgroup, CGROUP_PIDS, processes),
		tightest(cgroup, CGROUP_UNIFIED, processes));
}

/*
 * Where memory is not accounted for in our own group, it is in the nearest one above. v1 counts
 * each group's own (Linux 4.13); of v2's two files, ".local" does (5.2), the other one adds up
 * the groups below.
 */
static const struct {
	enum cgroup_kind kind;
	const char *name;
} oom_counters[] = {
	{CGROUP_MEMORY, "memory.oom_control"},
	{CGROUP_UNIFIED, "memory.events.local"},
	{CGROUP_UNIFIED, "memory.events"},
};

int cgroup_open_oom_counter(const struct cgroup *cgroup, char path[static PATH_MAX])
{
	char bytes[FILE_MAX];
	struct place place;
	uint64_t kills;

	for (size_t i = 0; i < COUNT_OF(oom_counters); i++) {
		bool more = place_begin(&place, cgroup, oom_counters[i].kind);

		for (; more; more = place_rise(&place)) {
			if (!place_read(&place, oom_counters[i].name, bytes) ||
				!cgroup_parse_oom_kills(bytes, &kills))
				continue;
			memcpy(path, place.path, PATH_MAX);
			return place_open(&place, oom_counters[i].name);
		}
	}
	return -ENOENT;
}
