#include "init/path_watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as path_resolution(7) has it */
#define LEVELS 2

/* IN_ATTRIB: a key that may be read now. Not IN_MODIFY: a file that is being written is not whole.
 */
#define CHANGES                                                                                  \
	(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | \
		IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)

struct walk {
	int fd;
	unsigned links;
	char done[PATH_MAX]; /* a directory, without a link in it; "." at first */
	char rest[PATH_MAX]; /* what is still to be gone */
};

/* Nothing to be watched in what is gone by now, or is nobody's to look at. */
static int watch(const struct walk *walk)
{
	if (inotify_add_watch(walk->fd, walk->done, CHANGES) >= 0)
		return 0;
	return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
}

/* Cuts the first name off the rest; false at the end. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	size_t skip = strspn(walk->rest, "/");
	size_t size = strcspn(walk->rest + skip, "/");

	if (size == 0 || size > NAME_MAX)
		return false;
	memcpy(name, walk->rest + skip, size);
	name[size] = '\0';
	memmove(walk->rest, walk->rest + skip + size, strlen(walk->rest + skip + size) + 1);
	return true;
}

/* The link's own directory is watched; the walk goes on where it leads. */
static int follow(struct walk *walk, const char *target)
{
	char rest[PATH_MAX];
	int error = watch(walk);

	if (error != 0)
		return error;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	if (snprintf(rest, sizeof(rest), "%s%s", target, walk->rest) >= (int)sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(walk->rest, rest, sizeof(rest));
	if (target[0] == '/')
		memcpy(walk->done, "/", 2);
	return 0;
}

/* One name further: 1, 0 at the end, where `done` is the directory to be watched, or -errno. */
static int step(struct walk *walk)
{
	char name[NAME_MAX + 1], path[PATH_MAX], target[PATH_MAX];
	struct stat status;
	ssize_t n;
	int error;

	if (!next_name(walk, name))
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", walk->done, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		error = follow(walk, target);
		return error == 0 ? 1 : error;
	}
	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		return 0;
	memcpy(walk->done, path, sizeof(path));
	return 1;
}

int path_watch_add(int fd, const char *path)
{
	struct walk walk = {.fd = fd, .done = "."};
	int outcome;

	if (strlen(path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	memcpy(walk.rest, path, strlen(path) + 1);
	if (path[0] == '/')
		memcpy(walk.done, "/", 2);
	while ((outcome = step(&walk)) > 0)
		;
	return outcome == 0 ? watch(&walk) : outcome;
}

static int add_level(int fd, const char *directory, int levels)
{
	struct dirent **entries;
	int error = path_watch_add(fd, directory), count;

	if (error != 0 || levels == 0)
		return error;
	count = scandir(directory, &entries, NULL, NULL);
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		int size = snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.' && size < (int)sizeof(path) && error == 0)
			error = add_level(fd, path, levels - 1);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return error;
}

int path_watch_add_tree(int fd, const char *directory)
{
	return add_level(fd, directory, LEVELS);
}
