#include "init/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define PLACE_BITS 2
#define PLACE_MASK ((1u << PLACE_BITS) - 1)
#define PATIENCE_MS 5000

/* Where a file can be left in a container whose root is read-only, too; by number. */
static const char *const places[] = {"/dev/shm", "/run", "/tmp"};

static void name_file(uint32_t number, struct text *name)
{
	text_printf(name, "%s/narwhal-errand-%08x", places[number & PLACE_MASK], number);
}

/* The verb's side. */

/* Anew, by a name that nobody can know, in the first place that takes it. */
static int create(struct errand *errand, struct text *why)
{
	uint32_t random;
	int error = -ENOENT;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return -EAGAIN;
	for (uint32_t place = 0; place < COUNT_OF(places); place++) {
		struct text name = TEXT_OVER(errand->file);
		int fd;

		errand->number = (random & ~PLACE_MASK) | place;
		name_file(errand->number, &name);
		fd = open(errand->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd >= 0)
			return fd;
		error = -errno;
	}
	errand->file[0] = '\0';
	text_printf(why, "no place for the request, as in %s: %s", places[0], strerror(-error));
	return error;
}

static int watch(struct errand *errand)
{
	errand->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (errand->watch_fd < 0)
		return -errno;
	return inotify_add_watch(errand->watch_fd, errand->file, IN_CLOSE_NOWRITE) >= 0 ? 0
											: -errno;
}

int errand_leave(struct errand *errand, const char *path, struct text *why)
{
	size_t size = strlen(path);
	FD_SCOPED fd = -1;
	int error;

	*errand = (struct errand){.watch_fd = -1};
	if (path[0] != '/' || size >= ERRAND_MAX) {
		text_add(why, "upgrade_image: give its whole path, from / on");
		return -EINVAL;
	}
	fd = create(errand, why);
	if (fd < 0)
		return fd;
	error = fchmod(fd, 0644) == 0 ? 0
				      : -errno; /* whatever the umask: the arbiter may be another */
	if (error == 0 && write(fd, path, size) != (ssize_t)size)
		error = -ENOSPC;
	if (error == 0)
		error = watch(errand);
	if (error != 0)
		text_printf(why, "%s: %s", errand->file, strerror(-error));
	return error;
}

int errand_wait(const struct errand *errand, struct text *why)
{
	struct pollfd read_by_now = {.fd = errand->watch_fd, .events = POLLIN};

	if (poll(&read_by_now, 1, PATIENCE_MS) == 1)
		return 0;
	text_add(why,
		"the request was not read: it went to no narwhal that runs in this container, "
		"or one that is older");
	return -ETIMEDOUT;
}

void errand_end(struct errand *errand)
{
	if (errand->file[0] != '\0')
		(void)unlink(errand->file);
	fd_close(&errand->watch_fd);
}

/* The arbiter's side. */

static bool is_trusted(const struct stat *status, enum errand_trust trust)
{
	bool ours =
		status->st_uid == 0 || (trust == ERRAND_OF_OUR_USER && status->st_uid == geteuid());

	return S_ISREG(status->st_mode) && ours && status->st_nlink == 1 &&
	       (status->st_mode & 0022) == 0;
}

int errand_read(uint32_t number, enum errand_trust trust, char path[static ERRAND_MAX],
	struct text *why)
{
	char file[64];
	struct text name = TEXT_OVER(file);
	struct stat status;
	FD_SCOPED fd = -1;
	ssize_t n;

	if ((number & PLACE_MASK) >= COUNT_OF(places)) {
		text_add(why, "the request names no place");
		return -EINVAL;
	}
	name_file(number, &name);
	fd = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) {
		text_printf(why, "%s: %s", file, strerror(errno));
		return -errno;
	}
	if (!is_trusted(&status, trust)) {
		text_printf(why, "%s: does not belong to root%s alone", file,
			trust == ERRAND_OF_OUR_USER ? " or to us" : "");
		return -EPERM;
	}
	n = read(fd, path, ERRAND_MAX - 1);
	if (n <= 0 || path[0] != '/' || memchr(path, '\0', (size_t)n) != NULL) {
		text_printf(why, "%s: holds no path", file);
		return -EINVAL;
	}
	path[n] = '\0';
	return 0;
}
