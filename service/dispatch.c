#include "service/dispatch.h"

#include <errno.h>

#include "service/stream.h"

/* Up to here a body is copied behind its head; above, it goes out from where it is. */
#define COPIED_BODY_MAX ((size_t)16 * 1024)
/* Up to here reading a file and one write is cheaper than sendfile(2). */
#define COPIED_FILE_MAX ((size_t)64 * 1024)

/* Reads all of a small file behind the head. -EIO when it has become shorter. */
static int copy_file(const struct narwhal_response *response, struct buffer *bytes)
{
	size_t size = (size_t)response->file_size;
	ssize_t n;

	if (buffer_reserve(bytes, size) != 0)
		return -ENOMEM;
	n = file_read(response->file, bytes->bytes + bytes->used, size, response->file_offset);
	if (n < 0)
		return (int)n;
	bytes->used += (size_t)n;
	return (size_t)n == size ? 0 : -EIO;
}

static int write_file(struct narwhal_response *response, struct outgoing *out)
{
	/* What lies in memory can go out from there. */
	if (response->file_size <=
		(response->file->bytes != NULL ? COPIED_BODY_MAX : COPIED_FILE_MAX))
		return copy_file(response, &out->bytes);
	outgoing_file(out, response->file, response->file_offset, response->file_size);
	return 0;
}

/* The first piece goes out with the head; when there cannot be one, the client can still be told.
 */
static int write_stream(struct narwhal_response *response, struct outgoing *out,
	const struct response_frame *frame)
{
	struct narwhal_stream *stream = response->stream;
	int error;

	response->stream = NULL;
	out->stream = stream;
	if (stream->left == NARWHAL_UNKNOWN)
		stream->framing = frame->old ? STREAM_CLOSED : STREAM_CHUNKED;
	out->until_close = stream->framing == STREAM_CLOSED;
	if (stream_fill(out) != STREAM_FAILED)
		return 0;
	error = stream->error;
	outgoing_drop(out);
	return error;
}

static int write_body(struct narwhal_response *response, struct outgoing *out,
	const struct response_frame *frame)
{
	if (UNLIKELY(response->stream != NULL))
		return write_stream(response, out, frame);
	if (response->file != NULL)
		return write_file(response, out);
	if (response->body.used <= COPIED_BODY_MAX)
		return buffer_add(&out->bytes, response->body.bytes, response->body.used);
	out->body = response->body;
	response->body = (struct buffer){0};
	return 0;
}

int dispatch_response(struct narwhal_response *response, const struct response_frame *frame,
	struct outgoing *out, size_t *head_size)
{
	size_t before = out->bytes.used;
	int error = response_write_head(response, frame, &out->bytes);

	*head_size = out->bytes.used - before;
	if (error == 0 && response_sends_body(response, frame))
		error = write_body(response, out, frame);
	if (error != 0)
		out->bytes.used = before;
	return error;
}
