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

int termination_write(const char *path, const char *reason)
{
	char bytes[TERMINATION_MAX + 1];
	struct text line = TEXT_OVER(bytes);
	struct stat status;
	ssize_t n;
	/* O_NONBLOCK: a named pipe that nobody reads. No link is followed to another's file. */
	FD_SCOPED fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADF;
	write_line(&line, reason);
	if (ftruncate(fd, 0) != 0)
		return -errno;
	n = write(fd, line.bytes, line.used);
	if (n < 0)
		return -errno;
	return (size_t)n == line.used ? 0 : -ENOSPC;
}
