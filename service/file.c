#include "service/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

struct file *file_new(int *fd)
{
	struct file *file = malloc(sizeof(*file));

	if (file == NULL) {
		fd_close(fd);
		return NULL;
	}
	*file = (struct file){.fd = *fd, .users = 1};
	*fd = -1;
	return file;
}

struct file *file_in_memory(char **bytes, size_t size)
{
	struct file *file = malloc(sizeof(*file));

	if (file != NULL)
		*file = (struct file){.fd = -1, .users = 1, .bytes = *bytes, .size = size};
	else
		free(*bytes);
	*bytes = NULL;
	return file;
}

void file_charge(struct file *file, uint64_t *account, uint64_t charge)
{
	MUST(file->account == NULL);
	file->account = account;
	file->charge = charge;
	*account += charge;
}

struct file *file_hold(struct file *file)
{
	file->users++;
	return file;
}

void file_release(struct file **file)
{
	if (*file != NULL && --(*file)->users == 0) {
		if ((*file)->account != NULL)
			*(*file)->account -= (*file)->charge;
		fd_close(&(*file)->fd);
		free((*file)->bytes);
		free(*file);
	}
	*file = NULL;
}

ssize_t file_read(const struct file *file, char *to, size_t size, uint64_t at)
{
	ssize_t n;

	if (file->bytes == NULL) {
		n = TEMP_FAILURE_RETRY(pread(file->fd, to, size, (off_t)at));
		return n >= 0 ? n : -errno;
	}
	if (at >= file->size)
		return 0;
	if (size > file->size - at)
		size = file->size - (size_t)at;
	memcpy(to, file->bytes + at, size);
	return (ssize_t)size;
}
