#include "service/apps/multipart.h"

#include <stdlib.h>
#include <string.h>

#include "service/stream.h"

/* Above boundary, Content-Range and what is around; the line of the type comes to it. */
#define HEAD_MAX 512

void multipart_add_range(struct text *text, const struct range *range, uint64_t length)
{
	text_add(text, "bytes ");
	text_add_uint(text, range->first);
	text_add_char(text, '-');
	text_add_uint(text, range->last);
	text_add_char(text, '/');
	text_add_uint(text, length);
}

static void add_boundary(const struct multipart *multipart, struct text *text)
{
	text_add_padded(text, multipart->boundary, 20);
}

void multipart_add_head(const struct multipart *multipart, size_t index, struct text *text)
{
	/* The line end before a boundary belongs to it (RFC 2046 section 5.1.1). */
	text_add(text, "\r\n--");
	add_boundary(multipart, text);
	if (index == multipart->ranges.count) {
		text_add(text, "--\r\n");
		return;
	}
	text_add(text, "\r\n");
	text_add_bytes(text, multipart->type.data, multipart->type.size);
	text_add(text, "Content-Range: ");
	multipart_add_range(text, &multipart->ranges.parts[index], multipart->length);
	text_add(text, "\r\n\r\n");
}

uint64_t multipart_size(const struct multipart *multipart)
{
	uint64_t size = 0;
	char bytes[HEAD_MAX];

	for (size_t i = 0; i <= multipart->ranges.count; i++) {
		struct text head = TEXT_OVER(bytes);

		multipart_add_head(multipart, i, &head);
		size += head.used;
	}
	for (size_t i = 0; i < multipart->ranges.count; i++) {
		const struct range *range = &multipart->ranges.parts[i];

		size += range->last - range->first + 1;
	}
	return size;
}

/* A stream's state. */
struct parts {
	struct multipart multipart;
	struct file *file; /* held */
	size_t next;
	char type[];
};

static enum narwhal_outcome parts_pull(void *state, struct narwhal_stream *stream)
{
	struct parts *parts = state;
	const struct ranges *ranges = &parts->multipart.ranges;
	const struct range *range = &ranges->parts[parts->next];
	char bytes[HEAD_MAX];
	struct text head = TEXT_OVER(bytes);

	multipart_add_head(&parts->multipart, parts->next, &head);
	if (narwhal_stream_write(stream, head.bytes, head.used) != 0)
		return NARWHAL_FAILED;
	if (parts->next == ranges->count)
		return NARWHAL_DONE;
	parts->next++;
	return stream_file(stream, parts->file, range->first, range->last - range->first + 1) == 0
		       ? NARWHAL_MORE
		       : NARWHAL_FAILED;
}

static void parts_end(void *state)
{
	struct parts *parts = state;

	file_release(&parts->file);
	free(parts);
}

static const struct narwhal_source parts_source = {.pull = parts_pull, .end = parts_end};

void multipart_send(struct narwhal_response *response, const struct multipart *multipart,
	struct file *file)
{
	struct parts *parts = malloc(sizeof(*parts) + multipart->type.size);
	char bytes[64];
	struct text type = TEXT_OVER(bytes);

	if (parts == NULL) {
		response_error(response, 503);
		return;
	}
	parts->multipart = *multipart;
	parts->multipart.type.data = parts->type;
	memcpy(parts->type, multipart->type.data, multipart->type.size);
	parts->file = file_hold(file);
	parts->next = 0;
	text_add(&type, "multipart/byteranges; boundary=");
	add_boundary(multipart, &type);
	(void)narwhal_response_field(response, "Content-Type", bytes);
	(void)narwhal_response_stream(response, multipart_size(multipart), &parts_source, parts);
}
