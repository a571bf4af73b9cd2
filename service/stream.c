#include "service/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/field.h"
#include "service/outgoing.h"
#include "service/response.h"

/* Room for what stands before a chunk: its size in hexadecimal, CRLF. */
#define CHUNK_HEAD_MAX (16 + 2)
/* Behind it: its CRLF, and the last chunk without trailers. */
#define CHUNK_END_MAX (2 + 3 + 2)

struct narwhal_stream *stream_new(const struct narwhal_source *source, void *state, uint64_t size)
{
	struct narwhal_stream *stream = malloc(sizeof(*stream));

	if (stream != NULL)
		*stream = (struct narwhal_stream){.source = source, .state = state, .left = size};
	else if (source->end != NULL)
		source->end(state);
	return stream;
}

void stream_end(struct narwhal_stream **stream)
{
	struct narwhal_stream *ended = *stream;

	if (ended == NULL)
		return;
	*stream = NULL;
	buffer_free(&ended->trailers);
	if (ended->source->end != NULL)
		ended->source->end(ended->state);
	free(ended);
}

void stream_tell_gone(struct narwhal_stream *stream)
{
	if (stream->told || stream->source->gone == NULL)
		return;
	stream->told = true;
	stream->source->gone(stream->state);
}

static int fail(struct narwhal_stream *stream, int error)
{
	if (stream->error == 0)
		stream->error = error;
	return error;
}

/* Bytes of the body, before they are added. */
static int count(struct narwhal_stream *stream, uint64_t size)
{
	/* What a source does between two calls is its own: it may only add while it is asked. */
	if (stream->out == NULL || stream->out->file_left != 0)
		return fail(stream, -EINVAL);
	if (stream->left == NARWHAL_UNKNOWN)
		return 0;
	if (size > stream->left)
		return fail(stream, -EMSGSIZE);
	stream->left -= size;
	return 0;
}

EXPORT int narwhal_stream_write(struct narwhal_stream *stream, const void *data, size_t size)
{
	int error = count(stream, size);

	if (error == 0 && buffer_add(&stream->out->bytes, data, size) != 0)
		error = fail(stream, -ENOMEM);
	return error;
}

int stream_file(struct narwhal_stream *stream, struct file *file, uint64_t at, uint64_t size)
{
	int error = stream->left != NARWHAL_UNKNOWN ? count(stream, size) : fail(stream, -EINVAL);

	if (error == 0)
		outgoing_file(stream->out, file, at, size);
	return error;
}

EXPORT int narwhal_stream_trailer(struct narwhal_stream *stream, const char *name,
	const char *value)
{
	int error = field_untrailed(name, strlen(name)) ? -EINVAL : 0;

	if (error == 0)
		error = response_add_line(&stream->trailers, name, value);
	return error == 0 ? 0 : fail(stream, error);
}

/*
 * The size of a chunk is known when it is there: `at` is where the room for its head begins. What
 * stands before it, the response's head or nothing, moves up to it: the chunk itself does not.
 */
static void write_chunk_head(struct outgoing *out, size_t at)
{
	struct buffer *bytes = &out->bytes;
	char head[CHUNK_HEAD_MAX + 1];
	size_t size =
		(size_t)snprintf(head, sizeof(head), "%zx\r\n", bytes->used - at - CHUNK_HEAD_MAX);
	size_t unused = CHUNK_HEAD_MAX - size;

	memcpy(bytes->bytes + at + unused, head, size);
	memmove(bytes->bytes + out->bytes_sent + unused, bytes->bytes + out->bytes_sent,
		at - out->bytes_sent);
	out->bytes_sent += unused;
}

/* The last chunk, and what follows it: RFC 9112 section 7.1. */
static int write_last_chunk(const struct narwhal_stream *stream, struct buffer *bytes)
{
	const struct buffer *trailers = &stream->trailers;

	if (buffer_add(bytes, "0\r\n", 3) != 0 ||
		buffer_add(bytes, trailers->bytes, trailers->used) != 0)
		return -ENOMEM;
	return buffer_add(bytes, "\r\n", 2);
}

static enum narwhal_outcome ask(struct narwhal_stream *stream, struct outgoing *out)
{
	enum narwhal_outcome outcome;

	stream->out = out;
	stream->waiting = true; /* until narwhal_stream_resume(), even if that is called in there */
	outcome = stream->source->pull(stream->state, stream);
	stream->out = NULL;
	if (outcome == NARWHAL_WAIT && !stream->waiting)
		outcome = NARWHAL_MORE;
	stream->waiting = outcome == NARWHAL_WAIT;
	return stream->error == 0 ? outcome : NARWHAL_FAILED;
}

static enum narwhal_outcome ask_for_chunk(struct narwhal_stream *stream, struct outgoing *out)
{
	struct buffer *bytes = &out->bytes;
	size_t at = bytes->used;
	enum narwhal_outcome outcome;

	if (buffer_reserve(bytes, CHUNK_HEAD_MAX) != 0)
		return NARWHAL_FAILED;
	bytes->used += CHUNK_HEAD_MAX;
	outcome = ask(stream, out);
	if (outcome == NARWHAL_FAILED)
		return outcome;
	/* Nothing can fail any more when the answers before it have moved. */
	if (buffer_reserve(bytes, CHUNK_END_MAX + stream->trailers.used) != 0)
		return NARWHAL_FAILED;
	if (bytes->used == at + CHUNK_HEAD_MAX) {
		bytes->used = at;
	} else {
		write_chunk_head(out, at);
		if (buffer_add(bytes, "\r\n", 2) != 0)
			return NARWHAL_FAILED;
	}
	if (outcome == NARWHAL_DONE && write_last_chunk(stream, bytes) != 0)
		return NARWHAL_FAILED;
	return outcome;
}

enum stream_outcome stream_fill(struct outgoing *outgoing)
{
	struct narwhal_stream *stream = outgoing->stream;
	enum narwhal_outcome outcome;

	if (stream->waiting)
		return STREAM_WAIT;
	outcome = stream->framing == STREAM_CHUNKED ? ask_for_chunk(stream, outgoing)
						    : ask(stream, outgoing);
	/* A body of known size ends there, whether the source says so or not. */
	if (outcome < NARWHAL_FAILED && stream->left == 0)
		outcome = NARWHAL_DONE;
	switch (outcome) {
	case NARWHAL_MORE:
		return STREAM_MORE;
	case NARWHAL_WAIT:
		return STREAM_WAIT;
	case NARWHAL_DONE:
		if (stream->left != 0 && stream->left != NARWHAL_UNKNOWN) {
			(void)fail(stream, -ENODATA);
			break;
		}
		stream_end(&outgoing->stream);
		return STREAM_DONE;
	case NARWHAL_FAILED:
		(void)fail(stream, -ECANCELED);
		break;
	}
	return STREAM_FAILED;
}
