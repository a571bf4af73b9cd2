#include "init/sentry.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/demise.h"
#include "init/outsider.h"
#include "init/spawn.h"
#include "seccomp/privilege.h"

#define LOOK_US 10000 /* between two looks, at first */
#define LOOK_MAX_US 250000
#define HIDDEN_LOOKS 20 /* three quarters of a second */

/* What the child ends with. */
enum sight {
	SIGHT_WAITS,
	SIGHT_GONE,
	SIGHT_HIDDEN, /* there is no /proc, or it does not show that process */
	SIGHT_NOT_YET,
};

struct sentry {
	pid_t worker;
	size_t listeners;
	unsigned long long inode[HERITAGE_LISTENERS];
};

bool sentry_is_watching(const char *line, unsigned long long inode)
{
	const char *at = strncmp(line, "tfd:", 4) == 0 ? strstr(line, " ino:") : NULL;

	return at != NULL && strtoull(at + 5, NULL, 16) == inode;
}

bool sentry_is_waiting(const char *place)
{
	/* accept(2) of TCP, and of unix sockets; poll(2) and select(2). epoll_wait(2), "ep_poll",
	 * is not enough: what it waits for, fdinfo says. */
	static const char *const places[] = {"csk_accept", "wait_for_more_packets", "do_poll",
		"do_sys_poll", "do_select", "poll_schedule_timeout"};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		if (strstr(place, places[i]) != NULL)
			return true;
	}
	return false;
}

static bool is_listener(const struct sentry *sentry, unsigned long long inode)
{
	for (size_t i = 0; i < sentry->listeners; i++) {
		if (sentry->inode[i] == inode)
			return true;
	}
	return false;
}

/* One file of an epoll set's fdinfo. */
static bool is_watched(const struct sentry *sentry, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		for (size_t i = 0; !found && i < sentry->listeners; i++)
			found = sentry_is_watching(line, sentry->inode[i]);
	}
	if (file != NULL)
		(void)fclose(file);
	return found;
}

/* Each entry of /proc/PID/FOLDER, until one is what is looked for. -errno if it is not shown. */
static int any_entry(const struct sentry *sentry, pid_t pid, const char *folder,
	bool (*is_it)(const struct sentry *, const char *path))
{
	char bytes[PATH_MAX];
	struct text path = TEXT_OVER(bytes);
	struct dirent *entry;
	int found = 0;
	DIR *directory;

	text_printf(&path, "/proc/%d/%s", (int)pid, folder);
	directory = opendir(bytes);
	if (directory == NULL)
		return -errno;
	while (found == 0 && (entry = readdir(directory)) != NULL) {
		path = TEXT_OVER(bytes);
		text_printf(&path, "/proc/%d/%s/%s", (int)pid, folder, entry->d_name);
		found = entry->d_name[0] != '.' && is_it(sentry, bytes);
	}
	(void)closedir(directory);
	return found;
}

static bool is_open_listener(const struct sentry *sentry, const char *path)
{
	char bytes[64];
	ssize_t n = readlink(path, bytes, sizeof(bytes) - 1);

	bytes[n > 0 ? n : 0] = '\0';
	return strncmp(bytes, "socket:[", 8) == 0 &&
	       is_listener(sentry, strtoull(bytes + 8, NULL, 10));
}

static bool is_asleep(const struct sentry *sentry, const char *path)
{
	char bytes[PATH_MAX], place[64];
	struct text name = TEXT_OVER(bytes);
	FD_SCOPED fd = -1;
	ssize_t n;

	(void)sentry;
	text_printf(&name, "%s/wchan", path);
	fd = open(bytes, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, place, sizeof(place) - 1) : -1;
	place[n > 0 ? n : 0] = '\0';
	return sentry_is_waiting(place);
}

static int look_at(const struct sentry *sentry, pid_t pid)
{
	int found = any_entry(sentry, pid, "fd", is_open_listener);

	if (found <= 0)
		return found;
	found = any_entry(sentry, pid, "fdinfo", is_watched);
	return found != 0 ? found : any_entry(sentry, pid, "task", is_asleep);
}

/* The worker leads a group: its children are in it, unless they have left it on purpose. */
static enum sight look(const struct sentry *sentry)
{
	int found = look_at(sentry, sentry->worker);
	DIR *all = found == 0 ? opendir("/proc") : NULL;
	struct dirent *entry;

	if (found < 0)
		return kill(sentry->worker, 0) == 0 || errno == EPERM ? SIGHT_HIDDEN : SIGHT_GONE;
	while (all != NULL && found <= 0 && (entry = readdir(all)) != NULL) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (pid > 0 && pid != sentry->worker && getpgid(pid) == sentry->worker)
			found = look_at(sentry, pid);
	}
	if (all != NULL)
		(void)closedir(all);
	return found > 0 ? SIGHT_WAITS : SIGHT_NOT_YET;
}

/* How soon it begins to wait, nobody knows: first often, then seldom. */
static enum sight watch(const struct sentry *sentry)
{
	unsigned pause_us = LOOK_US, hidden = 0;
	enum sight sight;

	/* One that is just being executed, or is on its way out, shows nothing for a moment. */
	while ((sight = look(sentry)) == SIGHT_NOT_YET ||
		(sight == SIGHT_HIDDEN && ++hidden < HIDDEN_LOOKS)) {
		(void)usleep(pause_us);
		pause_us = pause_us < LOOK_MAX_US ? pause_us + pause_us / 8 : pause_us;
	}
	return sight;
}

static void note_listeners(const struct listener_set *listeners, struct sentry *sentry)
{
	for (size_t i = 0; i < listeners->count; i++) {
		struct stat status;

		if (fstat(listeners->item[i].fd, &status) == 0)
			sentry->inode[sentry->listeners++] = status.st_ino;
	}
}

/* Of the worker's own user, and nothing else: whoever is that may look at it. */
NORETURN static void be_sentry(const struct arbiter *a, const struct child *child)
{
	const struct generation *generation = spawn_generation(a, child->slot);
	const struct privilege privilege = {
		.change = generation->users.drop,
		.uid = generation->users.uid,
		.gid = generation->users.gid,
	};
	struct sentry sentry = {.worker = a->roster.slots[child->slot].pid};
	struct readback wanted = {0};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	note_listeners(&generation->listeners, &sentry);
	fd_close_strangers(STDERR_FILENO + 1, -1);
	if (privilege_drop(&privilege, &wanted, &why) != 0)
		_exit(SIGHT_HIDDEN);
	(void)prctl(PR_SET_NAME, "narwhal-sentry", 0L, 0L, 0L);
	(void)prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
	_exit((int)watch(&sentry));
}

static void see(struct child *child, enum sight sight)
{
	struct arbiter *a = child->arbiter;
	const struct slot *slot = &a->roster.slots[child->slot];

	child->sentry = 0;
	if (sight == SIGHT_GONE || slot->state != STATE_BOOTING || demise_has_begun(slot->pid))
		return;
	if (sight != SIGHT_WAITS)
		log_warning(&a->log, "worker_unseen", log_uint("slot", child->slot),
			log_int("pid", slot->pid),
			log_string("reason", "/proc does not show what it waits for: it counts as "
					     "ready, as with exec_ready = start"));
	outsider_ready(child);
}

void sentry_begin(struct child *child)
{
	pid_t pid = fork();

	if (pid == 0)
		be_sentry(child->arbiter, child);
	child->sentry = pid > 0 ? pid : 0;
	if (pid < 0)
		see(child, SIGHT_HIDDEN);
}

bool sentry_reap(struct arbiter *a, const siginfo_t *info)
{
	for (unsigned i = 0; i < a->roster.size; i++) {
		struct child *child = &a->children[i];

		if (child->sentry == 0 || child->sentry != info->si_pid)
			continue;
		see(child,
			info->si_code == CLD_EXITED ? (enum sight)info->si_status : SIGHT_HIDDEN);
		return true;
	}
	return false;
}

void sentry_end(struct child *child)
{
	if (child->sentry > 0)
		(void)kill(child->sentry, SIGKILL);
	child->sentry = 0;
}
