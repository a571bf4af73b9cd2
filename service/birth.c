#include "service/birth.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "seccomp/privilege.h"

int birth_tie(const struct heritage *heritage, struct text *why)
{
	struct pollfd channel = {.fd = heritage->channel_fd};

	if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) != 0)
		return -errno;
	/* It may have died just before; then nobody holds the far end of the channel. */
	if (poll(&channel, 1, 0) < 0)
		return -errno;
	if ((channel.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0)
		return 0;
	text_add(why, "the arbiter is gone");
	return -EPIPE;
}

int birth_leave_group(const char *name)
{
	(void)prctl(PR_SET_NAME, name, 0L, 0L, 0L);
	/*
	 * A Ctrl-C at the terminal is for the arbiter, which decides what becomes of us. Not
	 * setsid(2): each session is a group of its own to the scheduler (CONFIG_SCHED_AUTOGROUP),
	 * and workers that preempt each other cost a fifth more CPU for each request.
	 */
	return setpgid(0, 0) == 0 || getpgrp() == getpid() ? 0 : -errno;
}

/*
 * A worker that was forked has its zygote's: its own takes that place, with what stands there, as
 * the app may know it already: counters, for instance.
 */
static int map_memory(struct page **page, int fd)
{
	int flags = *page != NULL ? MAP_SHARED | MAP_FIXED : MAP_SHARED;
	void *memory;

	if (*page != NULL && pwrite(fd, *page, sizeof(**page), 0) != (ssize_t)sizeof(**page))
		return -EIO;
	memory = mmap(*page, sizeof(**page), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*page = memory;
	return 0;
}

int birth_map_page(const struct heritage *heritage, struct page **page, struct text *why)
{
	struct stat status;

	if (fstat(heritage->page_fd, &status) != 0)
		return -errno;
	if (status.st_size < (off_t)sizeof(struct page)) {
		text_add(why, "the shared page is too small: narwhal and narwhal-worker differ");
		return -EINVAL;
	}
	return map_memory(page, heritage->page_fd);
}

int birth_take_signals(int *fd)
{
	static const int mine[] = {SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGHUP, SIGWINCH, SIGUSR2};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(mine); i++)
		(void)sigaddset(&set, mine[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	*fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return *fd >= 0 ? 0 : -errno;
}

/* The key holder has no business with anybody's files. */
static int find_groups(const struct heritage *heritage, struct groups *groups)
{
	const struct groups_question question = {
		.uid = heritage->uid,
		.gid = heritage->gid,
		.passwd_file = "/etc/passwd",
		.group_file = "/etc/group",
	};

	if (!heritage->settings.initgroups || heritage->role == PROCESS_KEYHOLDER)
		return 0;
	return groups_read(&question, groups);
}

int birth_drop_privileges(const struct heritage *heritage, struct readback *wanted,
	struct text *why)
{
	struct groups groups = {0};
	const struct privilege privilege = {
		.change = heritage->drop,
		.uid = heritage->uid,
		.gid = heritage->gid,
		.groups = &groups,
	};
	int error = find_groups(heritage, &groups);

	if (error == 0)
		return privilege_drop(&privilege, wanted, why);
	if (error == -E2BIG)
		text_printf(why, "initgroups: /etc/group: the user is in more than %d groups",
			GROUPS_MAX);
	else
		text_printf(why, "initgroups: /etc/passwd or /etc/group: %s", strerror(-error));
	return error;
}

int birth_ask_kernel(struct readback *wanted, int *status_fd, struct text *why)
{
	struct readback found = {0}, told = {0};
	int error = 0;

	readback_ask(&found);
	*status_fd = readback_open();
	if (*status_fd < 0 && *status_fd != -ENOENT)
		return *status_fd;
	if (*status_fd >= 0)
		error = readback_read(*status_fd, &told, why);
	if (error == 0 && told.known[READBACK_FILTERS])
		readback_want(wanted, READBACK_FILTERS, told.value[READBACK_FILTERS]);
	return error == 0 ? readback_compare(wanted, &found, why) : error;
}

int birth_read_back(const struct readback *wanted, int *status_fd, struct text *why)
{
	struct readback found = {0};
	int error = 0;

	if (*status_fd >= 0)
		error = readback_read(*status_fd, &found, why);
	fd_close(status_fd);
	return error == 0 ? readback_compare(wanted, &found, why) : error;
}

/*
 * The kernel counts a process's threads as links to that directory, beside its own two. Without
 * /proc it still lets a process share nothing with other threads if it has none (unshare(2)). -1:
 * nobody tells.
 */
long birth_other_threads(void)
{
	struct stat status;

	if (stat("/proc/self/task", &status) == 0)
		return status.st_nlink > 3 ? (long)status.st_nlink - 3 : 0;
	return unshare(CLONE_THREAD) == 0 ? 0 : -1;
}
