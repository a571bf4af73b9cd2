#include "init/termination.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

static void write_line(struct text *line, const char *reason)
{
	size_t room = line->size - sizeof("\n"), size = strlen(reason);

	while (size > 0 && reason[size - 1] == '\n')
		size--;
	text_add_bytes(line, reason, size < room ? size : room);
	text_add_char(line, '\n');
}

int termination_open(const char *path)
{
	/* O_NONBLOCK: a named pipe that nobody reads. No link is followed to another's file. */
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	fd_close(&fd);
	return -EBADF;
}

int termination_write(int fd, const char *reason)
{
	char bytes[TERMINATION_MAX + 1];
	struct text line = TEXT_OVER(bytes);
	ssize_t n;

	if (fd < 0)
		return 0;
	write_line(&line, reason);
	if (ftruncate(fd, 0) != 0)
		return -errno;
	n = pwrite(fd, line.bytes, line.used, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == line.used ? 0 : -ENOSPC;
}

void termination_leave(const char *path, const char *reason)
{
	FD_SCOPED fd = termination_open(path);

	(void)!termination_write(fd, reason);
}
