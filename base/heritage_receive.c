#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"
#include "base/heritage.h"

static int fail_with(struct text *why, int error, const char *wrong)
{
	text_add(why, HERITAGE_ENVIRONMENT ": ");
	text_add(why, wrong);
	return error;
}

/* The descriptor that the environment names; the name goes no further. */
static int find_file(struct text *why)
{
	const char *value = getenv(HERITAGE_ENVIRONMENT);
	uint64_t fd;

	if (value == NULL)
		return fail_with(why, -ENOENT, "is not set: narwhal starts its workers itself");
	if (text_to_uint(value, strlen(value), INT_MAX, &fd) != 0 || fd <= STDERR_FILENO)
		return fail_with(why, -EINVAL, "is not the number of a descriptor");
	(void)unsetenv(HERITAGE_ENVIRONMENT);
	return (int)fd;
}

static int read_file(struct heritage *heritage, int fd, struct text *why)
{
	struct stat about;
	char *bytes;
	int error;

	if (fstat(fd, &about) != 0)
		return fail_with(why, -errno, "names a descriptor that is not open");
	if (!S_ISREG(about.st_mode) || about.st_size > HERITAGE_SIZE_MAX)
		return fail_with(why, -EINVAL, "names a descriptor of something else");
	bytes = malloc((size_t)about.st_size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	if (pread(fd, bytes, (size_t)about.st_size, 0) == about.st_size)
		error = heritage_read(heritage, bytes, (size_t)about.st_size, why);
	else
		error = fail_with(why, -EIO, "cannot be read in one piece");
	free(bytes);
	return error;
}

static int disinherit(const char *name, int fd, void *context)
{
	(void)name;
	(void)context;
	return fd_disinherit(fd);
}

static int disinherit_all(const struct heritage *heritage)
{
	int error = fd_disinherit(heritage->channel_fd);

	return error == 0 ? heritage_each_fd(heritage, disinherit, NULL) : error;
}

int heritage_receive(struct heritage *heritage, struct text *why)
{
	int fd = find_file(why);
	int error;

	if (fd < 0)
		return fd;
	error = read_file(heritage, fd, why);
	fd_close(&fd);
	if (error != 0)
		return error;
	error = disinherit_all(heritage);
	if (error != 0) {
		heritage_free(heritage);
		return fail_with(why, error, "names a descriptor that was not handed on");
	}
	return 0;
}

static int give(const char *name, int fd, void *context)
{
	return channel_give(*(const int *)context, name, fd);
}

int heritage_give(const struct heritage *heritage, int channel_fd)
{
	return heritage_each_fd(heritage, give, &channel_fd);
}
