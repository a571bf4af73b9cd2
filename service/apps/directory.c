#include "service/apps/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "service/apps/listing.h"

/* A directory's stream takes its descriptor: closed with the stream, or here. */
static DIR *open_stream(const struct root *root, struct path *path, int *error)
{
	FD_SCOPED fd = -1;
	DIR *stream;

	if (path->used != 0)
		path->bytes[path->used - 1] = '\0';
	fd = root_file(root, path->used != 0 ? path->bytes : ".");
	if (path->used != 0)
		path->bytes[path->used - 1] = '/';
	stream = fd >= 0 ? fdopendir(fd) : NULL;
	*error = fd < 0 ? fd : stream == NULL ? -errno : 0;
	if (stream != NULL)
		fd = -1;
	return stream;
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

static int add(const struct root *root, struct path *path, DIR *stream, struct listing *listing)
{
	const struct dirent *entry;
	struct listing_row row;
	struct stat status;
	int error = 0;

	while (error == 0 && !listing->cut && (entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.' ||
			fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
			(S_ISLNK(status.st_mode) &&
				follow(root, path, entry->d_name, &status) != 0) ||
			(!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)))
			continue;
		row = (struct listing_row){
			.is_directory = S_ISDIR(status.st_mode),
			.size = (uint64_t)status.st_size,
			.modified = status.st_mtim.tv_sec > 0 ? status.st_mtim.tv_sec : 0,
		};
		error = listing_add(listing, entry->d_name, &row);
	}
	return error;
}

int directory_send(const struct root *root, struct path *path, struct narwhal_response *response)
{
	const struct narwhal_bytes name = {path->bytes, path->used};
	struct listing listing = {0};
	int error;
	DIR *stream = open_stream(root, path, &error);

	if (stream == NULL)
		return error;
	error = add(root, path, stream, &listing);
	(void)closedir(stream);
	if (error == 0) {
		(void)narwhal_response_field(response, "Content-Type", "text/html; charset=utf-8");
		/* It has no validators: none of its parts would tell when another part changes. */
		(void)narwhal_response_field(response, "Cache-Control", "no-cache");
		error = listing_write(&listing, name, &response->body);
	}
	listing_free(&listing);
	return error;
}
