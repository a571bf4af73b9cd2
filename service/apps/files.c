#include "service/apps/files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "service/apps/conditional.h"
#include "service/apps/mime.h"
#include "service/apps/path.h"
#include "service/apps/root.h"
#include "service/response.h"

/* The validators of a file (RFC 9110 section 8.8) as text, and what they were made of. */
struct labels {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
	bool settled; /* what they were made of makes the same again */
	int64_t modified;
	size_t etag_size;
	char etag[3 * 16 + sizeof("\"--\"")];
	char date[CLOCK_HTTP_DATE_SIZE + 1];
};

#define LABELS 64

struct files {
	struct root root;
	struct path path; /* of the request in hand; on the stack it would be zeroed each time */
	struct labels labels[LABELS]; /* of files served lately; to write them costs most */
};

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
static void write_etag(struct labels *labels)
{
	char *at = labels->etag;

	*at++ = '"';
	at = put_hex(at,
		(uint64_t)labels->changed.tv_sec * 1000000000 + (uint64_t)labels->changed.tv_nsec);
	*at++ = '-';
	at = put_hex(at, (uint64_t)labels->size);
	*at++ = '-';
	at = put_hex(at, labels->inode);
	*at++ = '"';
	*at = '\0';
	labels->etag_size = (size_t)(at - labels->etag);
}

/* Section 8.8.2.1: never later than Date. Before 1970 there is nothing to be told apart. */
static void write_date(struct labels *labels)
{
	struct text date = TEXT_OVER(labels->date);
	int64_t now = clock_wall_ms() / 1000;

	labels->modified = labels->changed.tv_sec > 0 ? labels->changed.tv_sec : 0;
	labels->settled = labels->modified <= now;
	if (!labels->settled)
		labels->modified = now;
	clock_add_http_date(&date, labels->modified);
}

static bool are_of(const struct labels *labels, const struct stat *status)
{
	return labels->settled && labels->inode == status->st_ino &&
	       labels->device == status->st_dev && labels->size == status->st_size &&
	       labels->changed.tv_sec == status->st_mtim.tv_sec &&
	       labels->changed.tv_nsec == status->st_mtim.tv_nsec;
}

static const struct labels *labels_of(struct files *files, const struct stat *status)
{
	struct labels *labels = &files->labels[status->st_ino % LABELS];

	if (LIKELY(are_of(labels, status)))
		return labels;
	labels->device = status->st_dev;
	labels->inode = status->st_ino;
	labels->size = status->st_size;
	labels->changed = status->st_mtim;
	write_etag(labels);
	write_date(labels);
	return labels;
}

static enum conditional_outcome weigh(const struct narwhal_request *request,
	const struct labels *labels)
{
	struct conditional conditional = {
		.etag = labels->etag,
		.etag_size = labels->etag_size,
		.modified = labels->modified,
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

static void add_validators(struct narwhal_response *response, const struct labels *labels)
{
	add_field(response, "Last-Modified", labels->date);
	add_field(response, "ETag", labels->etag);
}

static void send_content(struct narwhal_response *response, int *fd, uint64_t size)
{
	struct file *file = file_new(fd);

	if (file == NULL) {
		response_error(response, 503);
		return;
	}
	response_file(response, file, 0, size);
	file_release(&file);
}

/* A regular file; takes *fd if it is sent. */
static void send_file(const struct narwhal_request *request, struct narwhal_response *response,
	const struct labels *labels, const char *type, int *fd)
{
	switch (weigh(request, labels)) {
	case CONDITIONAL_SEND:
		add_field(response, "Content-Type", type);
		add_validators(response, labels);
		send_content(response, fd, (uint64_t)labels->size);
		return;
	case CONDITIONAL_NOT_MODIFIED:
		(void)narwhal_response_status(response, 304);
		add_validators(response, labels);
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

/* The path names a file, or a directory without its slash; but an index must be a file. */
static void serve_name(struct files *files, const struct narwhal_request *request,
	struct narwhal_response *response, bool is_index)
{
	const struct path *path = &files->path;
	struct stat status;
	int fd = root_file(&files->root, path->bytes);

	if (UNLIKELY(fd < 0))
		response_error(response, status_of(fd));
	else if (fstat(fd, &status) != 0)
		response_error(response, 500);
	else if (S_ISREG(status.st_mode))
		send_file(request, response, labels_of(files, &status),
			mime_type(path->bytes, path->used), &fd);
	else if (S_ISDIR(status.st_mode) && !is_index)
		redirect(request, response);
	else
		response_error(response, 404);
	fd_close(&fd);
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
			serve_name(files, request, response, true);
		return;
	case PATH_FILE:
		serve_name(files, request, response, false);
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

	root_close(&files->root);
	free(files);
}

int files_open(const char *root, void **state, struct text *why)
{
	struct files *files = calloc(1, sizeof(*files));
	int error = files != NULL ? root_open(&files->root, root) : -ENOMEM;

	if (error == 0) {
		*state = files;
		return 0;
	}
	free(files);
	text_printf(why, "app \"%s\": %s; allowed is a directory that uid %u may search", root,
		strerror(-error), (unsigned)geteuid());
	return error;
}

const struct narwhal_module files_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "files",
	.handle = files_handle,
	.worker_exit = files_close,
};
