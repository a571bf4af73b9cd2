#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#define OPEN_MAX_GUESS 65536
#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

void fd_close(int *fd)
{
	if (*fd < 0)
		return;
	(void)close(*fd); /* EINTR still closes on Linux: never retry */
	*fd = -1;
}

int fd_inherit(int fd)
{
	return fcntl(fd, F_SETFD, 0) == 0 ? 0 : -errno;
}

int fd_disinherit(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? 0 : -errno;
}

int fd_duplicate_from(int fd, int least)
{
	int other = fcntl(fd, F_DUPFD_CLOEXEC, least);

	return other >= 0 ? other : -errno;
}

int fd_duplicate(int fd)
{
	return fd_duplicate_from(fd, STDERR_FILENO + 1);
}

void fd_disinherit_from(int first)
{
	/* Linux 5.11. Before, or where a seccomp profile does not know it: as many as there may
	 * reasonably be. */
	if (close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	for (int fd = first; fd < OPEN_MAX_GUESS; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int fd_place(int fd, int at)
{
	if (fd == at)
		return fd_inherit(fd);
	return dup3(fd, at, 0) == at ? 0 : -errno;
}

int fd_duplicate_pair(int fd)
{
	int lower = fd_duplicate(fd), upper;

	while (lower >= 0) {
		upper = fcntl(fd, F_DUPFD_CLOEXEC, lower + 1);
		if (upper == lower + 1)
			return lower;
		fd_close(&lower);
		if (upper < 0)
			break;
		lower = upper; /* the number behind it may be free */
	}
	return lower >= 0 ? lower : -EMFILE;
}

int fd_replace(int at, int fd)
{
	return dup3(fd, at, O_CLOEXEC) == at ? 0 : -errno;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

int fd_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, ALL_SEALS) == 0 ? 0 : -errno;
}

int fd_sealed(const char *name, const void *bytes, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	error = write_all(fd, bytes, size);
	if (error == 0)
		error = fd_seal(fd);
	if (error != 0) {
		fd_close(&fd);
		return error;
	}
	return fd;
}

bool fd_is_sealed(int fd)
{
	return fcntl(fd, F_GET_SEALS) == ALL_SEALS;
}

int fd_shared(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
		return fd;
	error = -errno;
	fd_close(&fd);
	return error;
}

static void close_between(unsigned first, unsigned last)
{
	if (first > last || close_range(first, last, 0) == 0)
		return;
	last = last < OPEN_MAX_GUESS ? last : OPEN_MAX_GUESS;
	for (unsigned fd = first; fd <= last; fd++)
		(void)close((int)fd);
}

void fd_close_strangers(int first, int but)
{
	if (but < first) {
		close_between((unsigned)first, UINT_MAX);
		return;
	}
	close_between((unsigned)first, (unsigned)but - 1);
	close_between((unsigned)but + 1, UINT_MAX);
}

int fd_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest free number is `fd` itself; it must outlive exec as the real one
		 * would. */
		if (open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
			return -errno;
		if (fd_inherit(fd) != 0)
			return -errno;
	}
	return 0;
}
