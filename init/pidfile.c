#include "init/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define MODE 0644
#define CONTENT_MAX 64 /* more than any number: what is longer is no pid file */
#define ATTEMPTS 8     /* another may remove or make the file between two calls */

/*
 * `created` tells whether the file is new, and thus ours to remove. An existing one is opened
 * without O_CREAT, which fs.protected_regular (proc(5)) would refuse for another user's in /tmp.
 * An fd, -ESTALE when the file went away in between, or another -errno.
 */
static int open_file(const char *path, bool *created)
{
	static const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags | O_CLOEXEC | O_CREAT | O_EXCL, MODE);

	*created = fd >= 0;
	if (fd >= 0 || errno != EEXIST)
		return fd >= 0 ? fd : -errno;
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	return fd;
}

static const char *refusal_sentence(int error)
{
	switch (-error) {
	case ELOOP:
		return "is a symbolic link, which is not followed";
	case ENOENT:
		return "its directory does not exist";
	case EACCES:
		return "no permission to write it";
	default:
		return strerrordesc_np(-error);
	}
}

static int refuse(struct text *why, const char *path, const char *sentence, int error)
{
	text_printf(why, "%s: %s", path, sentence);
	return error;
}

/* -EEXIST for what nobody would call a pid file; a stale one may hold any number. */
static int check_content(int fd, const char *path, struct text *why)
{
	char bytes[CONTENT_MAX + 1];
	struct stat status;
	ssize_t n;

	if (fstat(fd, &status) != 0)
		return refuse(why, path, strerrordesc_np(errno), -errno);
	if (!S_ISREG(status.st_mode))
		return refuse(why, path, "is no regular file, and is not replaced", -EEXIST);
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return refuse(why, path, strerrordesc_np(errno), -errno);
	for (ssize_t i = 0; i < n; i++) { /* zero bytes: what a power cut leaves of a file */
		if (n > CONTENT_MAX || strchr("0123456789 \n\r\t", bytes[i]) == NULL)
			return refuse(why, path,
				"holds something else than a pid, and is not"
				" overwritten",
				-EEXIST);
	}
	return 0;
}

static int lock(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &whole) == 0 ? 0 : -errno;
}

static int name_holder(int fd, const char *path, struct text *why)
{
	char bytes[CONTENT_MAX];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	size_t digits = 0;

	while (n > 0 && digits < (size_t)n && bytes[digits] >= '0' && bytes[digits] <= '9')
		digits++;
	text_printf(why, "%s: is held by a living process, pid ", path);
	if (digits > 0)
		text_add_bytes(why, bytes, digits);
	else
		text_add(why, "unknown");
	return -EBUSY;
}

/* An heirloom may name the descriptor, and no path. */
static bool is_same(const struct pidfile *pidfile)
{
	struct stat now;

	return pidfile->path != NULL && lstat(pidfile->path, &now) == 0 &&
	       now.st_dev == pidfile->device && now.st_ino == pidfile->inode;
}

static int write_pid(int fd, pid_t pid)
{
	char bytes[24];
	struct text text = TEXT_OVER(bytes);
	ssize_t n;

	text_printf(&text, "%d\n", (int)pid);
	n = pwrite(fd, text.bytes, text.used, 0);
	if (n < 0)
		return -errno;
	if ((size_t)n != text.used)
		return -ENOSPC;
	/* After the number: a reader finds a whole first line at any time. */
	if (ftruncate(fd, (off_t)text.used) != 0 || fchmod(fd, MODE) != 0)
		return -errno;
	return 0;
}

/* 1: locked, and still the file at the path; 0: another is there by now; or -errno with `why`. */
static int hold(struct pidfile *pidfile, bool *created, struct text *why)
{
	struct stat status;
	int error = lock(pidfile->fd);

	if (error == -EAGAIN || error == -EACCES) {
		*created = false; /* another was faster with our new file: it is theirs */
		return name_holder(pidfile->fd, pidfile->path, why);
	}
	if (error == 0 && fstat(pidfile->fd, &status) != 0)
		error = -errno;
	if (error != 0)
		return refuse(why, pidfile->path, strerrordesc_np(-error), error);
	pidfile->device = status.st_dev;
	pidfile->inode = status.st_ino;
	return is_same(pidfile) ? 1 : 0;
}

/* One attempt, with the outcomes of hold(). */
static int attempt(struct pidfile *pidfile, pid_t pid, struct text *why)
{
	bool created;
	int held = open_file(pidfile->path, &created);

	if (held == -ESTALE)
		return 0;
	if (held < 0)
		return refuse(why, pidfile->path, refusal_sentence(held), held);
	pidfile->fd = held;
	held = check_content(pidfile->fd, pidfile->path, why);
	if (held == 0)
		held = hold(pidfile, &created, why);
	if (held > 0) {
		int error = write_pid(pidfile->fd, pid);

		if (error != 0)
			held = refuse(why, pidfile->path, strerrordesc_np(-error), error);
	}
	if (held < 0 && created)
		(void)unlink(pidfile->path);
	return held;
}

int pidfile_open(struct pidfile *pidfile, const char *path, pid_t pid, struct text *why)
{
	*pidfile = (struct pidfile){.fd = -1, .path = strdup(path)};
	if (pidfile->path == NULL)
		return -ENOMEM;
	for (int i = 0; i < ATTEMPTS; i++) {
		int held = attempt(pidfile, pid, why);

		if (held > 0)
			return 0;
		fd_close(&pidfile->fd);
		if (held < 0) {
			pidfile_close(pidfile);
			return held;
		}
	}
	pidfile_close(pidfile);
	return refuse(why, path, "is made and removed by others all the time", -EBUSY);
}

void pidfile_close(struct pidfile *pidfile)
{
	/* Before the lock goes: nobody can have taken the file over yet. */
	if (pidfile->fd >= 0 && is_same(pidfile))
		(void)unlink(pidfile->path);
	fd_close(&pidfile->fd);
	free(pidfile->path);
	pidfile->path = NULL;
}
