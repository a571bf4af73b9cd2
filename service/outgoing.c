#include "service/outgoing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/access.h"
#include "service/stream.h"

#define KEPT_MAX ((size_t)256 * 1024)

void outgoing_free(struct outgoing *outgoing)
{
	buffer_free(&outgoing->bytes);
	buffer_free(&outgoing->body);
	outgoing_drop(outgoing);
	access_notes_free(&outgoing->notes);
	free(outgoing->label);
	*outgoing = (struct outgoing){0};
}

void outgoing_drop(struct outgoing *outgoing)
{
	file_release(&outgoing->file);
	outgoing->file_left = 0;
	outgoing->until_close = false;
	stream_end(&outgoing->stream);
}

bool outgoing_is_empty(const struct outgoing *outgoing)
{
	return outgoing->bytes_sent == outgoing->bytes.used &&
	       outgoing->body_sent == outgoing->body.used && outgoing->file_left == 0;
}

bool outgoing_exceeds(const struct outgoing *outgoing, size_t size)
{
	size_t bytes = outgoing->bytes.used - outgoing->bytes_sent;
	size_t body = outgoing->body.used - outgoing->body_sent;

	return bytes > size || body > size - bytes || outgoing->file_left > size - bytes - body;
}

bool outgoing_would_look_whole(const struct outgoing *outgoing)
{
	return outgoing->until_close && (outgoing->stream != NULL || !outgoing_is_empty(outgoing));
}

/* From the front of a part. */
static size_t take_part(const struct buffer *part, size_t *sent, char *scratch, size_t size)
{
	size_t left = part->used - *sent, n = left < size ? left : size;

	if (n != 0)
		memcpy(scratch, part->bytes + *sent, n);
	*sent += n;
	return n;
}

static ssize_t take_file(struct outgoing *out, char *scratch, size_t size)
{
	size_t n = out->file_left < size ? (size_t)out->file_left : size;
	ssize_t got = n != 0 ? file_read(out->file, scratch, n, (uint64_t)out->file_at) : 0;

	if (got < 0)
		return got;
	if ((size_t)got != n)
		return -EIO;
	out->file_at += got;
	out->file_left -= n;
	return got;
}

/* Of a file in memory, when nothing is left before it, without a copy: 0 when that is not so. */
static size_t point_at_file(struct outgoing *out, size_t size, const char **bytes)
{
	const struct file *file = out->file;
	size_t at = (size_t)out->file_at, n;

	if (out->file_left == 0 || file->bytes == NULL || at >= file->size ||
		out->bytes_sent != out->bytes.used || out->body_sent != out->body.used)
		return 0;
	n = file->size - at;
	n = n < size ? n : size;
	n = n < out->file_left ? n : (size_t)out->file_left;
	*bytes = file->bytes + at;
	out->file_at += (off_t)n;
	out->file_left -= n;
	return n;
}

/* The part that comes next, if it is the last one or fills all that is asked for. */
static struct buffer *whole_part(struct outgoing *out, size_t size, size_t **sent)
{
	size_t bytes = out->bytes.used - out->bytes_sent, body = out->body.used - out->body_sent;

	*sent = bytes != 0 ? &out->bytes_sent : &out->body_sent;
	if (bytes >= size || (bytes != 0 && body == 0 && out->file_left == 0))
		return &out->bytes;
	return bytes == 0 && (body >= size || (body != 0 && out->file_left == 0)) ? &out->body
										  : NULL;
}

ssize_t outgoing_take(struct outgoing *outgoing, char *scratch, size_t size, const char **bytes)
{
	size_t *sent, n;
	struct buffer *whole = whole_part(outgoing, size, &sent);
	ssize_t file;

	if (whole != NULL) {
		n = whole->used - *sent < size ? whole->used - *sent : size;
		*bytes = whole->bytes + *sent;
		*sent += n;
		return (ssize_t)n;
	}
	n = point_at_file(outgoing, size, bytes);
	if (n != 0)
		return (ssize_t)n;
	*bytes = scratch;
	n = take_part(&outgoing->bytes, &outgoing->bytes_sent, scratch, size);
	n += take_part(&outgoing->body, &outgoing->body_sent, scratch + n, size - n);
	file = take_file(outgoing, scratch + n, size - n);
	return file < 0 ? file : (ssize_t)n + file;
}

void outgoing_reset(struct outgoing *outgoing)
{
	MUST(outgoing_is_empty(outgoing));
	outgoing->bytes.used = 0;
	outgoing->bytes_sent = 0;
	outgoing->body_sent = 0;
	outgoing->until_close = outgoing->until_close && outgoing->stream != NULL;
	if (outgoing->bytes.size > KEPT_MAX)
		buffer_free(&outgoing->bytes);
	if (outgoing->body.size != 0)
		buffer_free(&outgoing->body);
	if (outgoing->file != NULL)
		file_release(&outgoing->file);
	if (UNLIKELY(outgoing->label != NULL) && outgoing->stream == NULL) {
		free(outgoing->label);
		outgoing->label = NULL;
	}
}

void outgoing_file(struct outgoing *outgoing, struct file *file, uint64_t at, uint64_t size)
{
	MUST(outgoing->file_left == 0);
	file_release(&outgoing->file);
	outgoing->file = file_hold(file);
	outgoing->file_at = (off_t)at;
	outgoing->file_left = size;
}
