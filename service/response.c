#include "service/response.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "service/digits.h"
#include "service/octet.h"
#include "service/stamp.h"
#include "service/statuses.h"
#include "service/stream.h"

/* A response that was large once should not keep a worker large. */
#define KEPT_MAX ((size_t)128 * 1024)

static void empty(struct buffer *buffer)
{
	buffer->used = 0;
	if (buffer->size > KEPT_MAX)
		buffer_free(buffer);
}

void response_reset(struct narwhal_response *response)
{
	response->status = 200;
	response->error = 0;
	empty(&response->fields);
	empty(&response->body);
	MUST(response->file == NULL && response->stream == NULL);
}

void response_drop(struct narwhal_response *response)
{
	if (response->file != NULL)
		file_release(&response->file);
	if (response->stream != NULL)
		stream_end(&response->stream);
}

void response_free(struct narwhal_response *response)
{
	response_drop(response);
	buffer_free(&response->fields);
	buffer_free(&response->body);
}

static int fail(struct narwhal_response *response, int error)
{
	if (response->error == 0)
		response->error = error;
	return error;
}

EXPORT int narwhal_response_status(struct narwhal_response *response, unsigned status)
{
	if (status < 200 || status > 599)
		return fail(response, -EINVAL);
	response->status = status;
	return 0;
}

static bool is_reserved(const char *name, size_t size)
{
	return false
#define RESERVED(text) || (size == sizeof(text) - 1 && strncasecmp(name, text, size) == 0)
#include "service/reserved.def"
#undef RESERVED
		;
}

static bool may_be_named(const char *name, size_t size)
{
	static const char usual[] = "Content-Type";

	/* The one that nearly every response has is known to be well-formed. */
	if (size == sizeof(usual) - 1 && memcmp(name, usual, sizeof(usual) - 1) == 0)
		return true;
	return size != 0 && octet_span(name, 0, size, OCTET_TOKEN) == size &&
	       !is_reserved(name, size);
}

int response_add_line(struct buffer *lines, const char *name, const char *value)
{
	size_t name_size = strlen(name), value_size = strlen(value);
	char *at;

	/* A control character in a value, CR and LF above all, would forge a line. */
	if (!may_be_named(name, name_size) || octet_span_text(value, 0, value_size) != value_size)
		return -EINVAL;
	if (buffer_reserve(lines, name_size + value_size + sizeof(": \r\n") - 1) != 0)
		return -ENOMEM;
	at = mempcpy(lines->bytes + lines->used, name, name_size);
	at = mempcpy(at, ": ", 2);
	at = mempcpy(at, value, value_size);
	at = mempcpy(at, "\r\n", 2);
	lines->used = (size_t)(at - lines->bytes);
	return 0;
}

bool response_has_field(const struct narwhal_response *response, const char *name)
{
	const char *at = response->fields.bytes, *end = at + response->fields.used;
	size_t size = strlen(name);

	while (response->fields.used != 0 && at != end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at)); /* each line has one */

		if ((size_t)(line_end - at) > size && at[size] == ':' && octet_same(at, name, size))
			return true;
		at = line_end + 1;
	}
	return false;
}

EXPORT int narwhal_response_field(struct narwhal_response *response, const char *name,
	const char *value)
{
	int error = response_add_line(&response->fields, name, value);

	return error == 0 ? 0 : fail(response, error);
}

EXPORT int narwhal_response_body(struct narwhal_response *response, const void *data, size_t size)
{
	int error = buffer_add(&response->body, data, size);

	return error == 0 ? 0 : fail(response, error);
}

void response_file(struct narwhal_response *response, struct file *file, uint64_t offset,
	uint64_t size)
{
	response_drop(response);
	response->file = file_hold(file);
	response->file_offset = offset;
	response->file_size = size;
}

EXPORT int narwhal_response_file(struct narwhal_response *response, int fd, uint64_t offset,
	uint64_t size)
{
	struct file *file = file_new(&fd);

	if (file == NULL)
		return fail(response, -ENOMEM);
	response_file(response, file, offset, size);
	file_release(&file);
	return 0;
}

EXPORT int narwhal_response_stream(struct narwhal_response *response, uint64_t size,
	const struct narwhal_source *source, void *state)
{
	response_drop(response);
	response->stream = stream_new(source, state, size);
	return response->stream != NULL ? 0 : fail(response, -ENOMEM);
}

void response_refuse(struct narwhal_response *response, unsigned status, const char *reason)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	response_drop(response);
	response_reset(response);
	response->status = status;
	text_add_uint(&text, status);
	text_add_char(&text, ' ');
	text_add(&text, status_phrase(status));
	if (reason != NULL) {
		text_add(&text, ": ");
		text_add(&text, reason);
	}
	text_add_char(&text, '\n');
	(void)narwhal_response_field(response, "Content-Type", "text/plain; charset=utf-8");
	(void)narwhal_response_body(response, text.bytes, text.used);
}

void response_error(struct narwhal_response *response, unsigned status)
{
	response_refuse(response, status, NULL);
}

uint64_t response_size(const struct narwhal_response *response)
{
	if (response->status == 205)
		return 0; /* RFC 9110 section 15.3.6 */
	if (UNLIKELY(response->stream != NULL))
		return response->stream->left;
	return response->file != NULL ? response->file_size : response->body.used;
}

/* RFC 9110 sections 15.3.5 and 15.4.5; RFC 9112 section 6.3 ends such a message at its head. */
static bool is_bodiless(unsigned status)
{
	return status == 204 || status == 304;
}

bool response_sends_body(const struct narwhal_response *response,
	const struct response_frame *frame)
{
	return !frame->head_only && !is_bodiless(response->status) && response_size(response) != 0;
}

static char *put(char *at, struct narwhal_bytes bytes)
{
	return mempcpy(at, bytes.data, bytes.size);
}

static char *put_text(char *at, const char *text)
{
	return mempcpy(at, text, strlen(text));
}

static char *put_status(char *at, unsigned status)
{
	struct narwhal_bytes line = status_line(status);

	if (line.size != 0)
		return put(at, line);
	/* The space stays when there is no phrase: RFC 9112 section 4. */
	at = put_text(at, "HTTP/1.1 ");
	at = digits_put(at, status);
	return put_text(at, " \r\n");
}

static char *put_start(char *at, unsigned status, struct narwhal_bytes stamp)
{
	const size_t skipped = sizeof(STAMP_STATUS) - 1;

	if (LIKELY(status == 200))
		return put(at, stamp);
	at = put_status(at, status);
	return mempcpy(at, stamp.data + skipped, stamp.size - skipped);
}

/* Where the body ends: RFC 9112 section 6.3. */
static char *put_framing(char *at, uint64_t size, const struct response_frame *frame)
{
	if (UNLIKELY(size == NARWHAL_UNKNOWN))
		return frame->old ? at : put_text(at, "Transfer-Encoding: chunked\r\n");
	at = put_text(at, "Content-Length: ");
	at = digits_put(at, size);
	return put_text(at, "\r\n");
}

/* Above what everything but the stamp and the app's fields can take. */
#define HEAD_REST_MAX 256

int response_write_head(const struct narwhal_response *response, const struct response_frame *frame,
	struct buffer *output)
{
	size_t most = HEAD_REST_MAX + frame->stamp.size + response->fields.used;
	char *at;

	if (buffer_reserve(output, most) != 0)
		return -ENOMEM;
	at = put_start(output->bytes + output->used, response->status, frame->stamp);
	if (response->fields.used != 0)
		at = mempcpy(at, response->fields.bytes, response->fields.used);
	if (!is_bodiless(response->status))
		at = put_framing(at, response_size(response), frame);
	if (frame->close)
		at = put_text(at, "Connection: close\r\n");
	else if (frame->old)
		at = put_text(at, "Connection: keep-alive\r\n");
	at = put_text(at, "\r\n");
	output->used = (size_t)(at - output->bytes);
	return 0;
}
