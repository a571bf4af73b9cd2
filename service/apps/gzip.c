#include "service/apps/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#define ZLIB_CONST /* next_in, which it only reads */
#include <zlib.h>

#include "base/buffer.h"

#define WINDOW_GZIP (15 + 16) /* 32 KiB, and gzip around it: zlib.h, deflateInit2() */
#define MEMORY 8	      /* zlib's own default */

/* What is read for each turn: half a millisecond's work, and others wait for all that stream. */
#define PIECE ((size_t)16 * 1024)
#define ROOM ((size_t)16 * 1024)

int gzip_bytes(const char *bytes, size_t size, int level, struct file **file)
{
	z_stream z = {.next_in = (const Bytef *)bytes, .avail_in = (uInt)size};
	char *result = malloc(size);
	size_t made;

	*file = NULL;
	if (result == NULL || deflateInit2(&z, level, Z_DEFLATED, WINDOW_GZIP, MEMORY,
				      Z_DEFAULT_STRATEGY) != Z_OK) {
		free(result);
		return -ENOMEM;
	}
	z.next_out = (Bytef *)result;
	z.avail_out = (uInt)size;
	/* Z_OK means that the room was not enough. */
	made = deflate(&z, Z_FINISH) == Z_STREAM_END ? size - z.avail_out : 0;
	(void)deflateEnd(&z);
	if (made == 0) {
		free(result);
		return 0;
	}
	*file = file_in_memory(&result, made);
	return *file != NULL ? 0 : -ENOMEM;
}

/* A stream's state. */
struct gzip {
	struct gzip_job job;
	uint64_t at; /* in the file */
	z_stream z;
	struct buffer kept; /* all that was made; nothing when it became too much */
	bool keeps;
	bool yields; /* the next time */
	char in[PIECE], out[ROOM];
};

/* The result is as long as it may be, and memory for it was there. */
static void keep(struct gzip *gzip, size_t size)
{
	if (!gzip->keeps)
		return;
	gzip->keeps = gzip->kept.used + size <= gzip->job.kept_max &&
		      buffer_add(&gzip->kept, gzip->out, size) == 0;
	if (!gzip->keeps)
		buffer_free(&gzip->kept);
}

static void hand_over(struct gzip *gzip)
{
	struct file *result;

	if (!gzip->keeps)
		return;
	result = file_in_memory(&gzip->kept.bytes, gzip->kept.used);
	if (result != NULL)
		gzip->job.done(gzip->job.about, result);
	file_release(&result);
}

/* Reads the next piece. Its size, or -errno; -EIO when the file has become shorter. */
static ssize_t read_piece(struct gzip *gzip)
{
	uint64_t left = gzip->job.size - gzip->at;
	size_t size = left < PIECE ? (size_t)left : PIECE;
	ssize_t n = file_read(gzip->job.file, gzip->in, size, gzip->at);

	if (n > 0)
		gzip->at += (uint64_t)n;
	return n == 0 && size != 0 ? -EIO : n;
}

static enum narwhal_outcome gzip_pull(void *state, struct narwhal_stream *stream)
{
	struct gzip *gzip = state;
	ssize_t n;
	int flush, error;

	/* Who adds nothing yields: a turn has one piece of it. */
	gzip->yields = !gzip->yields;
	if (!gzip->yields)
		return NARWHAL_MORE;
	n = read_piece(gzip);
	if (n < 0)
		return NARWHAL_FAILED;
	flush = gzip->at == gzip->job.size ? Z_FINISH : Z_NO_FLUSH;
	gzip->z.next_in = (const Bytef *)gzip->in;
	gzip->z.avail_in = (uInt)n;
	do {
		size_t made;

		gzip->z.next_out = (Bytef *)gzip->out;
		gzip->z.avail_out = ROOM;
		error = deflate(&gzip->z, flush);
		made = ROOM - gzip->z.avail_out;
		keep(gzip, made);
		if (made != 0 && narwhal_stream_write(stream, gzip->out, made) != 0)
			return NARWHAL_FAILED;
	} while (error == Z_OK && gzip->z.avail_out == 0);
	if (error != Z_STREAM_END)
		return NARWHAL_MORE;
	hand_over(gzip);
	return NARWHAL_DONE;
}

static void gzip_end(void *state)
{
	struct gzip *gzip = state;

	(void)deflateEnd(&gzip->z);
	buffer_free(&gzip->kept);
	file_release(&gzip->job.file);
	free(gzip->job.about);
	(*gzip->job.running)--;
	free(gzip);
}

static const struct narwhal_source gzip_source = {.pull = gzip_pull, .end = gzip_end};

void gzip_send(struct narwhal_response *response, const struct gzip_job *job)
{
	struct gzip *gzip = malloc(sizeof(*gzip));

	if (gzip != NULL) {
		gzip->job = *job;
		gzip->at = 0;
		gzip->z = (z_stream){0};
		gzip->kept = (struct buffer){0};
		gzip->keeps = true;
		gzip->yields = false;
	}
	if (gzip == NULL || deflateInit2(&gzip->z, job->level, Z_DEFLATED, WINDOW_GZIP, MEMORY,
				    Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		free(job->about);
		response_error(response, 503);
		return;
	}
	gzip->job.file = file_hold(job->file);
	(*job->running)++;
	(void)narwhal_response_stream(response, NARWHAL_UNKNOWN, &gzip_source, gzip);
}

static enum narwhal_outcome announced_pull(void *state, struct narwhal_stream *stream)
{
	(void)state;
	(void)stream;
	return NARWHAL_FAILED;
}

void gzip_announce(struct narwhal_response *response)
{
	/* A stream that is not sent is not pulled. */
	static const struct narwhal_source announced = {.pull = announced_pull};

	(void)narwhal_response_stream(response, NARWHAL_UNKNOWN, &announced, NULL);
}
