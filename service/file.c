#include "service/file.h"

#include <stdlib.h>

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

struct file *file_hold(struct file *file)
{
	file->users++;
	return file;
}

void file_release(struct file **file)
{
	if (*file != NULL && --(*file)->users == 0) {
		fd_close(&(*file)->fd);
		free(*file);
	}
	*file = NULL;
}
