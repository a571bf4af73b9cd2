#include "init/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define IMAGE_NAME "narwhal-worker"

/* Our own path: by /proc, or, where that is not mounted, as the kernel was told it at exec. */
static void find_sibling(struct text *path)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *own = n > 0 ? self : (const char *)(uintptr_t)getauxval(AT_EXECFN);
	const char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = own != NULL ? strrchr(own, '/') : NULL;
	if (slash != NULL)
		text_add_bytes(path, own, (size_t)(slash - own) + 1);
	text_add(path, IMAGE_NAME);
}

/* An interpreter would be exec'd, and that finds no heirloom. A worker's program may be one: it is
 * not opened to be read. */
static bool is_script(int fd)
{
	char magic[2];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && magic[0] == '#' &&
	       magic[1] == '!';
}

static int check_program(int fd)
{
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
		return -EACCES;
	return is_script(fd) ? -ENOEXEC : 0;
}

static int open_program(const char *path)
{
	FD_SCOPED fd = open(path, O_PATH | O_CLOEXEC);
	int error = check_program(fd), taken;

	if (error != 0)
		return error;
	taken = fd;
	fd = -1;
	return taken;
}

int image_open(const char *path, int *fd, struct text *why)
{
	static const char installed[] = NARWHAL_LIBEXECDIR "/" IMAGE_NAME;
	char beside[PATH_MAX];
	struct text sibling = TEXT_OVER(beside);

	if (path != NULL) {
		*fd = open_program(path);
		if (*fd < 0)
			text_printf(why, "worker_image: %s: %s", path, strerror(-*fd));
		return *fd < 0 ? *fd : 0;
	}
	find_sibling(&sibling);
	*fd = open_program(beside);
	if (*fd < 0)
		*fd = open_program(installed);
	if (*fd >= 0)
		return 0;
	text_printf(why, "worker_image: neither %s nor %s is a program; set worker_image", beside,
		installed);
	return *fd;
}

/* `fd` is taken. */
static int hold(struct image_hold *image, int *fd, const char *path, struct text *why)
{
	int pair = fd_duplicate_pair(*fd);

	fd_close(fd);
	*image = (struct image_hold){.fd = pair, .path = strdup(path)};
	if (pair >= 0 && image->path != NULL)
		return 0;
	text_printf(why, "%s: %s", path, strerror(pair < 0 ? -pair : ENOMEM));
	image_let_go(image);
	return pair < 0 ? pair : -ENOMEM;
}

#define BY_DESCRIPTOR "/dev/fd/"

/*
 * As it was called, if that is a whole path: a link may lead to another program tomorrow. Else,
 * also if it was exec'd by descriptor, as /proc has it, which has followed all links.
 */
static bool is_whole_path(const char *called)
{
	return called != NULL && called[0] == '/' &&
	       strncmp(called, BY_DESCRIPTOR, sizeof(BY_DESCRIPTOR) - 1) != 0;
}

int image_hold_own(struct image_hold *image, struct text *why)
{
	const char *called = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	self[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		return hold(image, &fd, is_whole_path(called) ? called : self, why);
	text_printf(why, "/proc/self/exe: %s", strerror(errno));
	return -errno;
}

int image_hold_file(struct image_hold *image, const char *path, struct text *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = check_program(fd);

	if (error == 0)
		return hold(image, &fd, path, why);
	fd_close(&fd);
	text_printf(why, "%s: %s", path, strerror(-error));
	return error;
}

void image_name_own(struct image_hold *image)
{
	struct text version = TEXT_OVER(image->version), build = TEXT_OVER(image->build);

	text_add(&version, NARWHAL_VERSION);
	build_id_add(&build);
}

void image_let_go(struct image_hold *image)
{
	int behind = image->fd >= 0 ? image->fd + 1 : -1;

	fd_close(&behind);
	fd_close(&image->fd);
	free(image->path);
	image->path = NULL;
}
