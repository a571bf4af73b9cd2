#include "init/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define MODE 0644
#define NEW_SUFFIX ".narwhal-new"
#define CONTENT_MAX 256
#define FIRST_NAME "pid="

/* The name under which the file is made before it is renamed; `path` of a setting may be long. */
static int write_new_name(char name[static PATH_MAX], const char *path)
{
	struct text text = {.bytes = name, .size = PATH_MAX};

	text_add(&text, path);
	text_add(&text, NEW_SUFFIX);
	return text.cut ? -ENAMETOOLONG : 0;
}

static const char *refusal_sentence(int error)
{
	switch (-error) {
	case ENOENT:
		return "its directory does not exist";
	case EACCES:
		return "no permission to make a file in its directory";
	case EEXIST:
		return "holds something else than readiness, and is not removed";
	default:
		return strerrordesc_np(-error);
	}
}

void readiness_refuse(const char *path, int error, struct text *why)
{
	text_printf(why, "%s: %s", path, refusal_sentence(error));
}

static int refuse(struct text *why, const char *path, int error)
{
	readiness_refuse(path, error, why);
	return error;
}

static int remove_file(const char *path)
{
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int write_content(int fd, const char *bytes, size_t size)
{
	ssize_t n = write(fd, bytes, size);

	if (n < 0)
		return -errno;
	if ((size_t)n != size)
		return -ENOSPC;
	return fchmod(fd, MODE) == 0 ? 0 : -errno;
}

/* Makes the file `name`, whole or not at all. One that is there was left by a dead arbiter. */
static int make_file(const char *name, const char *bytes, size_t size)
{
	int error = remove_file(name);
	FD_SCOPED fd = -1;

	if (error != 0)
		return error;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	if (fd < 0)
		return -errno;
	error = write_content(fd, bytes, size);
	if (error != 0)
		(void)unlink(name);
	return error;
}

/* How many bytes of `path` there are, CONTENT_MAX at the most, or -errno. */
static int read_content(const char *path, char bytes[static CONTENT_MAX + 1])
{
	FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	ssize_t n;

	if (fd < 0 || fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADMSG;
	n = read(fd, bytes, CONTENT_MAX);
	if (n < 0)
		return -errno;
	bytes[n] = '\0';
	return (int)n;
}

/* A stale file of ours, or an empty one, may go: nothing that would be missed. */
static int check_stale(const char *path)
{
	char bytes[CONTENT_MAX + 1];
	struct stat status;
	int n;

	if (lstat(path, &status) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(status.st_mode))
		return -EEXIST;
	n = read_content(path, bytes);
	if (n < 0)
		return n;
	return n == 0 || strncmp(bytes, FIRST_NAME, strlen(FIRST_NAME)) == 0 ? 0 : -EEXIST;
}

int readiness_begin(const char *path, struct text *why)
{
	char name[PATH_MAX];
	int error = write_new_name(name, path);

	if (error == 0)
		error = check_stale(path);
	if (error == 0)
		error = remove_file(path);
	/* Only making one proves it: access(2) knows no full disk and no security module. */
	if (error == 0)
		error = make_file(name, "\n", 1);
	if (error == 0)
		error = remove_file(name);
	return error == 0 ? 0 : refuse(why, path, error);
}

int readiness_set(const char *path, const struct readiness *readiness, struct text *why)
{
	char name[PATH_MAX], bytes[CONTENT_MAX];
	struct text text = TEXT_OVER(bytes);
	int error = write_new_name(name, path);

	text_printf(&text, FIRST_NAME "%d\ngeneration=", (int)readiness->pid);
	text_add_uint(&text, readiness->generation);
	text_add(&text, "\ntime=");
	clock_add_rfc3339(&text, readiness->wall_ms);
	text_add_char(&text, '\n');
	if (error == 0)
		error = make_file(name, text.bytes, text.used);
	if (error == 0 && rename(name, path) != 0) {
		error = -errno;
		(void)unlink(name);
	}
	return error == 0 ? 0 : refuse(why, path, error);
}

int readiness_clear(const char *path, struct text *why)
{
	int error = remove_file(path);

	return error == 0 ? 0 : refuse(why, path, error);
}

/* The value of the line that begins with `name`, which `*bytes` must be at; *bytes moves on. */
static bool take_line(const char **bytes, const char *name, const char **value, size_t *size)
{
	const char *end = strchr(*bytes, '\n');
	size_t skip = strlen(name);

	if (end == NULL || strncmp(*bytes, name, skip) != 0)
		return false;
	*value = *bytes + skip;
	*size = (size_t)(end - *value);
	*bytes = end + 1;
	return true;
}

static bool is_time(const char *value, size_t size)
{
	static const char form[] = "0000-00-00T00:00:00.000Z"; /* 0 stands for any digit */

	if (size != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < size; i++) {
		bool digit = value[i] >= '0' && value[i] <= '9';

		if (form[i] == '0' ? !digit : value[i] != form[i])
			return false;
	}
	return true;
}

static int parse(const char *bytes, uint64_t *pid)
{
	const char *value;
	size_t size;
	uint64_t generation;

	if (!take_line(&bytes, FIRST_NAME, &value, &size) ||
		text_to_uint(value, size, INT_MAX, pid) != 0 || *pid == 0)
		return -EBADMSG;
	if (!take_line(&bytes, "generation=", &value, &size) ||
		text_to_uint(value, size, UINT64_MAX, &generation) != 0)
		return -EBADMSG;
	if (!take_line(&bytes, "time=", &value, &size) || !is_time(value, size))
		return -EBADMSG;
	return *bytes == '\0' ? 0 : -EBADMSG;
}

int readiness_check(const char *path, struct text *why)
{
	char bytes[CONTENT_MAX + 1];
	uint64_t pid = 0;
	int error = read_content(path, bytes);

	if (error >= 0)
		error = parse(bytes, &pid);
	if (error == 0 && kill((pid_t)pid, 0) != 0 && errno != EPERM)
		error = -errno;
	if (error == 0)
		return 0;
	text_printf(why, "not ready: %s ", path);
	if (error == -ENOENT)
		text_add(why, "does not exist");
	else if (error == -EBADMSG)
		text_add(why, "is no readiness file");
	else if (error == -ESRCH)
		text_printf(why, "is stale: its pid %u does not live", (unsigned)pid);
	else
		text_printf(why, "cannot be read: %s", strerrordesc_np(-error));
	return error;
}
