#include "service/apps/form.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/file_rules.h"
#include "service/response.h"

static int add(struct buffer *lines, int error, const char *name, const char *value)
{
	return error == 0 ? response_add_line(lines, name, value) : error;
}

static int add_cache_control(const struct form_plan *plan, struct buffer *lines)
{
	char bytes[1024];
	struct text value = TEXT_OVER(bytes);

	file_rules_cache_control(plan->site->settings->cache_control, plan->path, &value);
	if (value.cut)
		return -E2BIG;
	return value.used != 0 ? response_add_line(lines, "Cache-Control", bytes) : 0;
}

/* As in struct form; the sizes are those of its parts. */
static int write_lines(const struct form_plan *plan, struct form *form, struct buffer *lines)
{
	const char *coding = encoding_name(plan->encoding);
	char bytes[sizeof(form->validators.etag) + 2];
	struct text etag = TEXT_OVER(bytes);
	int error;

	text_add(&etag, form->weak ? "W/" : "");
	text_add(&etag, form->validators.etag);
	error = add(lines, 0, "Last-Modified", form->validators.date);
	error = add(lines, error, "ETag", bytes);
	if (error == 0)
		error = add_cache_control(plan, lines);
	if (plan->varies)
		error = add(lines, error, "Vary", "Accept-Encoding");
	form->kept_size = lines->used;
	if (coding != NULL)
		error = add(lines, error, "Content-Encoding", coding);
	if (!plan->made)
		error = add(lines, error, "Accept-Ranges", "bytes");
	form->untyped_size = lines->used;
	error = add(lines, error, "Content-Type",
		mime_type(&plan->site->mime, plan->path, strlen(plan->path)));
	form->lines_size = lines->used;
	return error;
}

/* Takes *file, also on failure. */
static int make(struct form **made, const struct form_plan *plan, const struct version *version,
	struct file **file)
{
	struct form form = {.file = *file, .size = (uint64_t)version->size, .weak = plan->made};
	struct buffer lines = {0};
	int error;

	validators_write(&form.validators, version, plan->made ? "gzip" : "", plan->now_s);
	error = write_lines(plan, &form, &lines);
	*made = error == 0 ? malloc(sizeof(form) + lines.used) : NULL;
	if (*made != NULL) {
		**made = form;
		memcpy((*made)->lines, lines.bytes, lines.used);
		*file = NULL;
	} else if (error == 0) {
		error = -ENOMEM;
	}
	buffer_free(&lines);
	file_release(file);
	return error;
}

int form_make(struct form **form, const struct form_plan *plan, const struct version *version,
	struct file **file)
{
	uint64_t size = *file != NULL ? (*file)->size : 0;
	int error = make(form, plan, version, file);

	if (error == 0)
		(*form)->size = size;
	return error;
}

static int check_version(int fd, const struct version *version)
{
	struct version found;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	version_read(&found, &status);
	return S_ISREG(status.st_mode) && version_same(&found, version) ? 0 : -ESTALE;
}

static int open_version(const struct form_plan *plan, const struct version *version, int *fd)
{
	const char *suffix = encoding_suffix(plan->encoding);
	char bytes[PATH_MAX + 8];
	struct text name = TEXT_OVER(bytes);

	text_add(&name, plan->path + 1);
	text_add(&name, suffix != NULL ? suffix : "");
	*fd = root_file(&plan->site->root, bytes);
	return *fd >= 0 ? check_version(*fd, version) : *fd;
}

/* As pread(2), but with an errno value; one byte more would be too much already. */
static ssize_t read_at_start(int fd, char *bytes, size_t size)
{
	ssize_t n = pread(fd, bytes, size + 1, 0);

	return n >= 0 ? n : -errno;
}

/* All of a small file, into memory, unless it is written to meanwhile. */
static int read_all(int fd, const struct version *version, struct file **file)
{
	size_t size = (size_t)version->size;
	char *bytes = malloc(size + 1);
	ssize_t n = bytes != NULL ? read_at_start(fd, bytes, size) : -ENOMEM;
	int error = n >= 0 ? check_version(fd, version) : (int)n;

	if (error == 0 && n != (ssize_t)size)
		error = -EIO; /* it never had as much as it says */
	if (error != 0) {
		free(bytes);
		return error;
	}
	*file = file_in_memory(&bytes, size);
	return *file != NULL ? 0 : -ENOMEM;
}

int form_open(struct form **form, const struct form_plan *plan, const struct version *version,
	uint64_t kept)
{
	struct file *file = NULL;
	FD_SCOPED fd = -1;
	int error = open_version(plan, version, &fd);

	if (error == 0 && (uint64_t)version->size <= kept) {
		error = read_all(fd, version, &file);
	} else if (error == 0) {
		file = file_new(&fd);
		error = file != NULL ? 0 : -ENOMEM;
	}
	return error == 0 ? make(form, plan, version, &file) : error;
}

void form_free(struct form **form)
{
	if (*form == NULL)
		return;
	file_release(&(*form)->file);
	free(*form);
	*form = NULL;
}
