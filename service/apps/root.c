#include "service/apps/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* Opening a FIFO must not wait for a writer, nor a terminal become ours. */
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

/* "Try again" means that something was renamed just then, while ".." of a link was followed. */
#define OPEN_TRIES 4

static int open_resolving(int at, const char *name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	long fd = -1;

	for (int i = 0; i < OPEN_TRIES; i++) {
		fd = syscall(SYS_openat2, at, name, &how, sizeof(how));
		if (LIKELY(fd >= 0))
			return (int)fd;
		if (errno != EAGAIN)
			break;
	}
	return -errno;
}

static int open_beneath(int root_fd, const char *name, uint64_t flags)
{
	return open_resolving(root_fd, name, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

/* Segment by segment, and no symbolic link is followed: any of them might lead out. */
static int open_walking(int root_fd, const char *name, int flags)
{
	FD_SCOPED directory = -1;
	char segment[NAME_MAX + 1];
	int at = root_fd, fd;

	for (size_t size; size = strcspn(name, "/"), name[size] != '\0'; name += size + 1) {
		if (size > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(segment, name, size);
		segment[size] = '\0';
		fd = openat(at, segment, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		fd_close(&directory);
		at = directory = fd;
	}
	fd = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

static int open_below(const struct root *root, const char *name, int flags)
{
	return root->beneath ? open_beneath(root->fd, name, (uint64_t)flags)
			     : open_walking(root->fd, name, flags);
}

int root_file(const struct root *root, const char *name)
{
	return open_below(root, name, OPEN_FLAGS);
}

int root_status(const struct root *root, const char *name, struct stat *status)
{
	FD_SCOPED fd = open_below(root, name, O_PATH);

	if (fd < 0)
		return fd;
	if (fstat(fd, status) != 0)
		return -errno;
	/* Without openat2(2) this is the link itself, and opening it would be refused. */
	return S_ISLNK(status->st_mode) ? -ELOOP : 0;
}

static int open_directory(const char *name, bool beneath)
{
	int fd;

	/* Once locked in, a worker may make only the one or the other. */
	if (beneath)
		return open_resolving(AT_FDCWD, name, O_PATH | O_DIRECTORY, 0);
	fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

static int open_this(struct root *root, const char *directory)
{
	FD_SCOPED inside = -1;
	struct stat status = {0};
	int error;

	root->fd = open_directory(directory, root->beneath);
	if (root->fd < 0)
		return root->fd;
	/* O_PATH asked for no permission; to open what is inside takes that of searching. */
	inside = open_below(root, ".", O_PATH | O_DIRECTORY);
	error = inside < 0 ? inside : fstat(root->fd, &status) != 0 ? -errno : 0;
	if (error != 0)
		root_close(root);
	root->device = status.st_dev;
	root->inode = status.st_ino;
	return error;
}

int root_open(struct root *root, const char *directory)
{
	int error;

	*root = (struct root){.fd = -1, .beneath = true};
	error = open_this(root, directory);
	/* ENOSYS: a kernel before 5.6; EPERM: a container's seccomp profile of its time. */
	if (error != -ENOSYS && error != -EPERM)
		return error;
	root->beneath = false;
	return open_this(root, directory);
}

/* Landlock knows directories, and not their names: of the new one nothing can be read. */
static bool is_kept_from_us(const struct root *root)
{
	FD_SCOPED fd = open_below(root, ".", O_RDONLY | O_DIRECTORY);

	return fd == -EACCES;
}

bool root_moved(struct root *root, const char *directory)
{
	struct root other = {.fd = -1, .beneath = root->beneath};
	struct stat status;

	if (stat(directory, &status) != 0 ||
		(status.st_dev == root->device && status.st_ino == root->inode) ||
		open_this(&other, directory) != 0)
		return false;
	if (root->outgrown != NULL && is_kept_from_us(&other)) {
		*root->outgrown = true;
		root_close(&other);
		return false;
	}
	other.outgrown = root->outgrown;
	root_close(root);
	*root = other;
	return true;
}

void root_close(struct root *root)
{
	fd_close(&root->fd);
}
