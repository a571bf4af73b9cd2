#include "service/apps/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* A table of media types that is larger is none. */
#define MIME_TYPES_MAX ((size_t)1024 * 1024)

/* What the kernel says about a name, and what the client hears; everything else is a 500. */
static const struct {
	int error;
	unsigned status;
} refusals[] = {
	{ENOENT, 404}, {ENOTDIR, 404}, {ELOOP, 404},
	{EXDEV, 404},			   /* a symbolic link that leads out */
	{ENAMETOOLONG, 404}, {ENXIO, 404}, /* a socket, or a device without a driver */
	{ENODEV, 404}, {EACCES, 403}, {EMFILE, 503}, {ENFILE, 503}, {ENOMEM, 503}, {EAGAIN, 503},
	{ESTALE, 503}, /* it is replaced again and again */
};

unsigned site_status(int error)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		if (refusals[i].error == -error)
			return refusals[i].status;
	}
	return 500;
}

/* Opening: */

/* A table that is not ours: bounded, and read as far as it goes. */
static int read_types(struct mime *mime, const char *name)
{
	FD_SCOPED fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	char *bytes;
	ssize_t n;
	int error;

	if (fd < 0 || fstat(fd, &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if ((uint64_t)status.st_size > MIME_TYPES_MAX)
		return -EFBIG;
	bytes = malloc((size_t)status.st_size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	n = read(fd, bytes, (size_t)status.st_size);
	error = n >= 0 ? mime_read(mime, bytes, (size_t)n) : -errno;
	free(bytes);
	return error;
}

/* The one of the default need not be there: the table built in will do. */
static int open_types(struct site *site, struct text *why)
{
	const char *name = site->settings->mime_types;
	int error = name != NULL ? read_types(&site->mime, name) : 0;

	if (error == 0 || error == -ENOMEM)
		return error;
	if (strcmp(name, settings_table[SETTING_ID_mime_types].standard) == 0)
		return 0;
	text_printf(why,
		"mime_types: \"%s\": %s; allowed is a file of up to 1 MiB that uid %u may read",
		name, strerror(-error), (unsigned)geteuid());
	return error;
}

static int open_root(struct site *site, struct text *why)
{
	int error = root_open(&site->root, site->directory);

	if (error != 0)
		text_printf(why, "app \"%s\": %s; allowed is a directory that uid %u may search",
			site->directory, strerror(-error), (unsigned)geteuid());
	return error;
}

int site_open(struct site *site, const char *directory, const struct settings *settings,
	struct text *why)
{
	int error;

	*site = (struct site){
		.directory = strdup(directory),
		.root = {.fd = -1},
		.settings = settings,
	};
	error = site->directory != NULL ? open_root(site, why) : -ENOMEM;
	if (error == 0)
		error = open_types(site, why);
	if (error != 0)
		site_close(site);
	return error;
}

void site_close(struct site *site)
{
	root_close(&site->root);
	mime_free(&site->mime);
	free(site->directory);
}

/* Looking: */

static void see_nothing(struct sight *sight, unsigned status)
{
	sight->kind = SIGHT_NOTHING;
	sight->status = status;
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* The same file in another coding, unless somebody forgot to make it anew. */
static void look_beside(const struct site *site, const struct path *path, struct sight *sight)
{
	const struct version *original = &sight->versions[ENCODING_identity];
	char bytes[sizeof(path->bytes) + 8];

	for (enum encoding i = 0; i < ENCODING_identity; i++) {
		struct text name = TEXT_OVER(bytes);
		struct stat status;

		text_add_bytes(&name, path->bytes, path->used);
		text_add(&name, encoding_suffix(i));
		if (root_status(&site->root, bytes, &status) != 0 || !S_ISREG(status.st_mode) ||
			is_older(&status.st_mtim, &original->modified))
			continue;
		sight->encodings |= 1U << i;
		version_read(&sight->versions[i], &status);
	}
}

static void see_file(const struct site *site, const struct path *path, const struct stat *status,
	struct sight *sight)
{
	sight->kind = SIGHT_FILE;
	sight->encodings = 1U << ENCODING_identity;
	version_read(&sight->versions[ENCODING_identity], status);
	if (site->settings->precompressed &&
		!mime_is_packed(mime_type(&site->mime, path->bytes, path->used)))
		look_beside(site, path, sight);
}

static bool add_name(struct path *path, const char *name, size_t size)
{
	if (size >= sizeof(path->bytes) - path->used)
		return false;
	memcpy(path->bytes + path->used, name, size);
	path->used += size;
	path->bytes[path->used] = '\0';
	return true;
}

/* The directory itself: to be listed, or to say why there is no index. */
static void look_at_directory(const struct site *site, struct path *path, struct sight *sight)
{
	struct stat status;
	int error;

	if (path->used == 0) {
		error = root_status(&site->root, ".", &status);
	} else {
		path->bytes[path->used - 1] = '\0';
		error = root_status(&site->root, path->bytes, &status);
		path->bytes[path->used - 1] = '/';
	}
	if (error != 0)
		see_nothing(sight, site_status(error));
	else if (site->settings->autoindex && S_ISDIR(status.st_mode))
		sight->kind = SIGHT_DIRECTORY;
	else
		see_nothing(sight, 404);
}

static void look_into(const struct site *site, struct path *path, struct sight *sight)
{
	const char *index = site->settings->index, *name;
	size_t used = path->used, size;
	struct stat status;
	int error;

	while ((name = setting_item(&index, &size)) != NULL) {
		error = add_name(path, name, size) ? root_status(&site->root, path->bytes, &status)
						   : -ENAMETOOLONG;
		if (error == 0 && S_ISREG(status.st_mode)) {
			see_file(site, path, &status, sight);
			return;
		}
		path->used = used;
		path->bytes[used] = '\0';
		if (error != 0 && site_status(error) != 404) {
			see_nothing(sight, site_status(error));
			return;
		}
	}
	look_at_directory(site, path, sight);
}

static void look_at_name(const struct site *site, const struct path *path, struct sight *sight)
{
	struct stat status;
	int error = root_status(&site->root, path->bytes, &status);

	if (error != 0)
		see_nothing(sight, site_status(error));
	else if (S_ISREG(status.st_mode))
		see_file(site, path, &status, sight);
	else if (S_ISDIR(status.st_mode))
		sight->kind = SIGHT_UNSLASHED;
	else
		see_nothing(sight, 404);
}

void site_look(const struct site *site, const char *target, size_t size, struct path *path,
	struct sight *sight)
{
	*sight = (struct sight){0};
	switch (path_resolve(path, target, size)) {
	case PATH_DIRECTORY:
		look_into(site, path, sight);
		return;
	case PATH_FILE:
		look_at_name(site, path, sight);
		return;
	case PATH_MALFORMED:
		see_nothing(sight, 400);
		return;
	case PATH_HIDDEN:
		see_nothing(sight, 404);
		return;
	}
}

bool sight_same(const struct sight *a, const struct sight *b)
{
	if (a->kind != b->kind || a->status != b->status || a->encodings != b->encodings)
		return false;
	for (size_t i = 0; i < ENCODINGS; i++) {
		if ((a->encodings & 1U << i) != 0 &&
			!version_same(&a->versions[i], &b->versions[i]))
			return false;
	}
	return true;
}
