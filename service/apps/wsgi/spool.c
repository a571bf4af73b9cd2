#include "service/apps/wsgi/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

struct spool *spool_new(void)
{
	struct spool *spool = malloc(sizeof(*spool));

	if (spool != NULL)
		*spool = (struct spool){.fd = -1};
	return spool;
}

void spool_free(struct spool **spool)
{
	struct spool *freed = *spool;

	*spool = NULL;
	if (freed == NULL)
		return;
	buffer_free(&freed->bytes);
	fd_close(&freed->fd);
	free(freed);
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size != 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Moves what there is into a file. */
static int begin_file(struct spool *spool)
{
	const char *directory = getenv("TMPDIR");
	int error;

	spool->fd = open(directory != NULL && *directory != '\0' ? directory : "/tmp",
		O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (spool->fd < 0)
		spool->fd = memfd_create("body", MFD_CLOEXEC);
	if (spool->fd < 0)
		return -errno;
	error = write_all(spool->fd, spool->bytes.bytes, spool->bytes.used);
	buffer_free(&spool->bytes);
	return error;
}

int spool_add(struct spool *spool, struct narwhal_bytes piece)
{
	int error = 0;

	spool->size += piece.size;
	if (spool->fd < 0 && spool->size <= SPOOL_MEMORY)
		return buffer_add(&spool->bytes, piece.data, piece.size);
	if (spool->fd < 0)
		error = begin_file(spool);
	return error == 0 ? write_all(spool->fd, piece.data, piece.size) : error;
}
