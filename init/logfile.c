#include "init/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"
#include "init/spawn.h"

#define MODE 0640
#define FLAGS (O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK)

/* By another name: whoever made these links, they lead to what we have. */
static int own_descriptor(const char *path)
{
	static const struct {
		const char *path;
		int fd;
	} names[] = {
		{"/dev/stdout", STDOUT_FILENO},
		{"/dev/stderr", STDERR_FILENO},
		{"/dev/fd/1", STDOUT_FILENO},
		{"/dev/fd/2", STDERR_FILENO},
		{"/proc/self/fd/1", STDOUT_FILENO},
		{"/proc/self/fd/2", STDERR_FILENO},
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(path, names[i].path) == 0)
			return names[i].fd;
	}
	return -1;
}

/*
 * A link to a pipe or a terminal, as images have them for their logs. One to a file may be a
 * worker's that may write to the directory: root would open any file for it.
 */
static int open_linked(const char *path)
{
	int fd = open(path, FLAGS | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || geteuid() != 0)
		return fd >= 0 ? fd : -errno;
	if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
		return fd;
	fd_close(&fd);
	return -ELOOP;
}

static int open_path(const char *path)
{
	int own = own_descriptor(path);
	int fd = own >= 0 ? log_descriptor(own) : -1;

	if (own >= 0)
		return fd != own ? fd : fd_duplicate(own);
	fd = open(path, FLAGS | O_CREAT | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (fd < 0 && errno == ELOOP)
		return open_linked(path);
	return fd >= 0 ? fd : -errno;
}

static int open_file(const char *setting, const char *path, struct text *why)
{
	int fd = open_path(path);

	if (fd < 0)
		text_printf(why, "%s: %s: %s", setting, path,
			fd == -ELOOP ? "root follows no symbolic link to a file" : strerror(-fd));
	return fd;
}

int logfile_open(const char *path, struct text *why)
{
	FD_SCOPED fd = open_file("errorlog", path, why);
	int error = fd >= 0 ? fd_place(fd, STDERR_FILENO) : fd;

	if (fd >= 0 && error != 0)
		text_printf(why, "errorlog: %s: %s", path, strerror(-error));
	return error;
}

int logfile_open_access(const struct settings *settings, struct text *why)
{
	const char *path = settings->accesslog;

	if (path == NULL || strcmp(path, "-") == 0)
		return -ENOENT;
	return open_file("accesslog", path, why);
}

static bool is_there(const struct child *child)
{
	return child->page != NULL && child->watch.fd >= 0;
}

static int reopen_errors(struct arbiter *a, unsigned *told, struct text *why)
{
	const char *path = a->current->config.settings.errorlog;
	int error = path != NULL ? logfile_open(path, why) : 0;

	for (unsigned i = 0; error == 0 && path != NULL && i < ARBITER_CHILDREN; i++) {
		const struct child *child = &a->children[i];

		if (is_there(child))
			*told += channel_send_fd(child->watch.fd, MESSAGE_REOPEN, STDERR_FILENO) ==
				 0;
	}
	return error;
}

/* Generations may have different files, so each worker gets its own. */
static int reopen_access(struct arbiter *a, unsigned *told, struct text *why)
{
	for (unsigned i = 0; i < ARBITER_SLOTS; i++) {
		const struct child *child = &a->children[i];
		FD_SCOPED fd = -1;

		if (!is_there(child))
			continue;
		fd = logfile_open_access(&spawn_generation(a, i)->config.settings, why);
		if (fd < 0 && why->used != 0)
			return fd;
		if (fd >= 0)
			*told += channel_send_fd(child->watch.fd, MESSAGE_REOPEN_ACCESS, fd) == 0;
	}
	return 0;
}

static void reopen(struct arbiter *a, const char *path,
	int (*reopen_one)(struct arbiter *, unsigned *told, struct text *why))
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	unsigned told = 0;

	if (reopen_one(a, &told, &why) != 0)
		log_error(&a->log, "log_not_reopened", log_string("reason", bytes));
	else
		log_info(&a->log, "log_reopened", log_string("file", path),
			log_uint("workers", told));
}

void logfile_reopen(struct arbiter *a)
{
	const struct settings *settings = &a->current->config.settings;

	reopen(a, settings->errorlog, reopen_errors);
	if (settings->accesslog != NULL)
		reopen(a, settings->accesslog, reopen_access);
}
