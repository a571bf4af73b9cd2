#include "service/apps/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "service/apps/listing.h"

/* Bytes of names that are read at once. */
#define NAMES_SIZE ((size_t)32 * 1024)

static int open_directory(const struct root *root, struct path *path)
{
	int fd;

	if (path->used != 0)
		path->bytes[path->used - 1] = '\0';
	fd = root_file(root, path->used != 0 ? path->bytes : ".");
	if (path->used != 0)
		path->bytes[path->used - 1] = '/';
	return fd;
}

/* Where a link leads to, and only if it stays below the root: the rest is none of ours to tell. */
static int follow(const struct root *root, struct path *path, const char *name, struct stat *status)
{
	size_t size = strlen(name);
	int error = -ENAMETOOLONG;

	if (size < sizeof(path->bytes) - path->used) {
		memcpy(path->bytes + path->used, name, size + 1);
		error = root_status(root, path->bytes, status);
		path->bytes[path->used] = '\0';
	}
	return error;
}

/* What is neither a file nor a directory is left out, and so is what hides behind a dot. */
static int add(const struct root *root, struct path *path, int fd, const char *name,
	struct listing *listing)
{
	struct listing_row row;
	struct stat status;

	if (name[0] == '.' || fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
		(S_ISLNK(status.st_mode) && follow(root, path, name, &status) != 0) ||
		(!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)))
		return 0;
	row = (struct listing_row){
		.is_directory = S_ISDIR(status.st_mode),
		.size = (uint64_t)status.st_size,
		.modified = status.st_mtim.tv_sec > 0 ? status.st_mtim.tv_sec : 0,
	};
	return listing_add(listing, name, &row);
}

/* getdents64(2) itself: opendir(3) makes more system calls than a worker is allowed. */
static int add_all(const struct root *root, struct path *path, int fd, struct listing *listing)
{
	char *names = malloc(NAMES_SIZE);
	ssize_t size = 0;
	int error = names != NULL ? 0 : -ENOMEM;

	while (error == 0 && !listing->cut && (size = getdents64(fd, names, NAMES_SIZE)) > 0) {
		const struct dirent64 *entry;

		for (ssize_t at = 0; error == 0 && at < size; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(const void *)(names + at);
			error = add(root, path, fd, entry->d_name, listing);
		}
	}
	if (size < 0)
		error = -errno;
	free(names);
	return error;
}

int directory_send(const struct root *root, struct path *path, struct narwhal_response *response)
{
	const struct narwhal_bytes name = {path->bytes, path->used};
	struct listing listing = {0};
	FD_SCOPED fd = open_directory(root, path);
	int error = fd >= 0 ? add_all(root, path, fd, &listing) : fd;

	if (error == 0) {
		(void)narwhal_response_field(response, "Content-Type", "text/html; charset=utf-8");
		/* It has no validators: none of its parts would tell when another part changes. */
		(void)narwhal_response_field(response, "Cache-Control", "no-cache");
		error = listing_write(&listing, name, &response->body);
	}
	listing_free(&listing);
	return error;
}
