#include "init/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static int open_program(const char *path)
{
	FD_SCOPED fd = open(path, O_PATH | O_CLOEXEC);
	struct stat status;
	int taken;

	if (fd < 0 || fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0)
		return -EACCES;
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
