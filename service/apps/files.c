#include "service/apps/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "service/apps/conditional.h"
#include "service/apps/mime.h"
#include "service/apps/path.h"
#include "service/response.h"

struct files {
	int root_fd;
	bool beneath;	  /* openat2(2) may be used here */
	struct path path; /* of the request in hand; on the stack it would be zeroed each time */
};

/* What is sent: a regular file, with its validators (RFC 9110 section 8.8). */
struct entity {
	int fd;
	uint64_t size;
	int64_t modified;
	size_t etag_size;
	char etag[3 * 16 + sizeof("\"--\"")];
	char date[CLOCK_HTTP_DATE_SIZE + 1];
};

/* Opening a FIFO must not wait for a writer, nor a terminal become ours. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* "Try again" means that something was renamed just then, while ".." of a link was followed. */
#define OPEN_TRIES 4

static int open_beneath(int root_fd, const char *name, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	for (int i = 0; i < OPEN_TRIES; i++) {
		fd = syscall(SYS_openat2, root_fd, name, &how, sizeof(how));
		if (LIKELY(fd >= 0))
			return (int)fd;
		if (errno != EAGAIN)
			break;
	}
	return -errno;
}

/* Segment by segment, and no symbolic link is followed: any of them might lead out. */
static int open_walking(int root_fd, const char *name)
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
	fd = openat(at, name, OPEN_FLAGS | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

/* What the kernel says about a name, and what the client hears; everything else is a 500. */
static const struct {
	int error;
	unsigned status;
} refusals[] = {
	{ENOENT, 404},
	{ENOTDIR, 404},
	{ELOOP, 404},
	{EXDEV, 404}, /* a symbolic link that leads out */
	{ENAMETOOLONG, 404},
	{ENXIO, 404}, /* a socket, or a device without a driver */
	{ENODEV, 404},
	{EACCES, 403},
	{EMFILE, 503},
	{ENFILE, 503},
	{ENOMEM, 503},
	{EAGAIN, 503},
};

static unsigned status_of(int error)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		if (refusals[i].error == -error)
			return refusals[i].status;
	}
	return 500;
}

static char *put_hex(char *at, uint64_t value)
{
	int shift = (63 - __builtin_clzll(value | 1)) & ~3;

	for (; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[value >> shift & 15];
	return at;
}

/*
 * Strong (section 8.8.1): the inode is in it because a new version moved into place may have the
 * old one's size and, out of a reproducible build, its time.
 */
static void describe(struct entity *entity, const struct stat *status)
{
	uint64_t seconds = (uint64_t)status->st_mtim.tv_sec;
	struct text date = TEXT_OVER(entity->date);
	int64_t now = clock_wall_ms() / 1000;
	char *at = entity->etag;

	entity->size = (uint64_t)status->st_size;
	*at++ = '"';
	at = put_hex(at, seconds * 1000000000 + (uint64_t)status->st_mtim.tv_nsec);
	*at++ = '-';
	at = put_hex(at, entity->size);
	*at++ = '-';
	at = put_hex(at, status->st_ino);
	*at++ = '"';
	*at = '\0';
	entity->etag_size = (size_t)(at - entity->etag);
	/* Section 8.8.2.1: never later than Date. Before 1970 there is nothing to be told apart. */
	entity->modified = status->st_mtim.tv_sec < 0	  ? 0
			   : status->st_mtim.tv_sec > now ? now
							  : status->st_mtim.tv_sec;
	clock_add_http_date(&date, entity->modified);
}

static enum conditional_outcome weigh(const struct narwhal_request *request,
	const struct entity *entity)
{
	struct conditional conditional = {
		.etag = entity->etag,
		.etag_size = entity->etag_size,
		.modified = entity->modified,
	};
	struct narwhal_bytes name, value;

	for (size_t i = 0; narwhal_request_field_at(request, i, &name, &value) != 0; i++)
		conditional_add(&conditional, name.data, name.size, value.data, value.size);
	return conditional_decide(&conditional);
}

/* What a call refuses, the response remembers: the client gets a 500. */
static void add_field(struct narwhal_response *response, const char *name, const char *value)
{
	(void)narwhal_response_field(response, name, value);
}

static void add_validators(struct narwhal_response *response, const struct entity *entity)
{
	add_field(response, "Last-Modified", entity->date);
	add_field(response, "ETag", entity->etag);
}

static void send_entity(const struct narwhal_request *request, struct narwhal_response *response,
	struct entity *entity, const char *type)
{
	switch (weigh(request, entity)) {
	case CONDITIONAL_SEND:
		add_field(response, "Content-Type", type);
		add_validators(response, entity);
		response_file(response, &entity->fd, 0, entity->size);
		return;
	case CONDITIONAL_NOT_MODIFIED:
		(void)narwhal_response_status(response, 304);
		add_validators(response, entity);
		return;
	case CONDITIONAL_FAILED:
		response_error(response, 412);
		return;
	}
}

/* The longest target (limit_request_line), and two slashes and a NUL. */
#define LOCATION_MAX (16384 + 3)

/*
 * To the same path with a slash behind it, as it was sent: what is relative in the page then means
 * the right thing. But "//host/a" as a Location would be another host's "/a".
 */
static void redirect(const struct narwhal_request *request, struct narwhal_response *response)
{
	struct narwhal_bytes path = narwhal_request_path(request);
	struct narwhal_bytes query = narwhal_request_query(request);
	char bytes[LOCATION_MAX];
	struct text location = TEXT_OVER(bytes);

	while (path.size > 0 && *path.data == '/') {
		path.data++;
		path.size--;
	}
	text_add_char(&location, '/');
	text_add_bytes(&location, path.data, path.size);
	text_add_char(&location, '/');
	if (query.size != 0) {
		text_add_char(&location, '?');
		text_add_bytes(&location, query.data, query.size);
	}
	if (location.cut) {
		response_error(response, 414);
		return;
	}
	(void)narwhal_response_status(response, 301);
	add_field(response, "Location", bytes);
}

/* `path` names a file, or a directory without its slash. */
static void serve_name(struct files *files, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	const struct path *path = &files->path;
	struct entity entity = {
		.fd = files->beneath ? open_beneath(files->root_fd, path->bytes, OPEN_FLAGS)
				     : open_walking(files->root_fd, path->bytes),
	};
	struct stat status;

	if (UNLIKELY(entity.fd < 0)) {
		response_error(response, status_of(entity.fd));
		return;
	}
	if (fstat(entity.fd, &status) != 0) {
		response_error(response, 500);
	} else if (S_ISREG(status.st_mode)) {
		describe(&entity, &status);
		send_entity(request, response, &entity, mime_type(path->bytes, path->used));
	} else if (S_ISDIR(status.st_mode)) {
		redirect(request, response);
	} else {
		response_error(response, 404);
	}
	fd_close(&entity.fd);
}

static bool add_index(struct path *path)
{
	static const char index[] = "index.html";

	if (path->used > sizeof(path->bytes) - sizeof(index))
		return false;
	memcpy(path->bytes + path->used, index, sizeof(index));
	path->used += sizeof(index) - 1;
	return true;
}

static void serve(struct files *files, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes target = narwhal_request_path(request);

	switch (path_resolve(&files->path, target.data, target.size)) {
	case PATH_DIRECTORY:
		if (!add_index(&files->path))
			response_error(response, 404);
		else
			serve_name(files, request, response);
		return;
	case PATH_FILE:
		serve_name(files, request, response);
		return;
	case PATH_MALFORMED:
		response_error(response, 400);
		return;
	case PATH_HIDDEN:
		response_error(response, 404);
		return;
	}
}

static void tell_methods(struct files *files, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)files;
	(void)request;
	(void)narwhal_response_status(response, 204);
	add_field(response, "Allow", "GET, HEAD, OPTIONS");
}

static const struct {
	char name[8];
	void (*handle)(struct files *files, const struct narwhal_request *request,
		struct narwhal_response *response);
} methods[] = {
	{"GET", serve},
	{"HEAD", serve}, /* the writer of the response leaves the body out */
	{"OPTIONS", tell_methods},
};

static void files_handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes method = narwhal_request_method(request);

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (method.size == strnlen(methods[i].name, sizeof(methods[i].name)) &&
			memcmp(method.data, methods[i].name, method.size) == 0) {
			methods[i].handle(state, request, response);
			return;
		}
	}
	response_error(response, 405);
	add_field(response, "Allow", "GET, HEAD, OPTIONS");
}

static void files_close(void *state)
{
	struct files *files = state;

	if (files == NULL)
		return;
	fd_close(&files->root_fd);
	free(files);
}

static int open_root(struct files *files, const char *root)
{
	FD_SCOPED probe = -1;

	files->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (files->root_fd < 0)
		return -errno;
	/* O_PATH asks for no permission; to open what is inside takes that of searching. */
	if (faccessat(files->root_fd, ".", X_OK, AT_EACCESS) != 0)
		return -errno;
	/* ENOSYS: a kernel before 5.6; EPERM: a container's seccomp profile of its time. */
	probe = open_beneath(files->root_fd, ".", O_PATH | O_DIRECTORY);
	files->beneath = probe >= 0;
	return probe >= 0 || probe == -ENOSYS || probe == -EPERM ? 0 : probe;
}

int files_open(const char *root, void **state, struct text *why)
{
	struct files *files = calloc(1, sizeof(*files));
	int error = files != NULL ? open_root(files, root) : -ENOMEM;

	if (error == 0) {
		*state = files;
		return 0;
	}
	text_printf(why, "app \"%s\": %s; allowed is a directory that uid %u may search", root,
		strerror(-error), (unsigned)geteuid());
	files_close(files);
	return error;
}

const struct narwhal_module files_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "files",
	.handle = files_handle,
	.worker_exit = files_close,
};
