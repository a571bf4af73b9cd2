/*
 * response.h - one response while the app builds it, and how its head is written (RFC 9112).
 *
 * Behind narwhal_response_*() of the public header; the functions here are for the apps that are
 * built in and for the connection. Pure but for closing a file that is not sent after all.
 */
#ifndef SERVICE_RESPONSE_H
#define SERVICE_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buffer.h"
#include "narwhal/service.h"
#include "service/file.h"

struct narwhal_response {
	unsigned status;
	int error; /* the first failure of a call, negative; the client then gets a 500 */
	struct buffer fields; /* "Name: value\r\n" each */
	/* What the body is made of: a stream, a part of a file, or `body`. */
	struct narwhal_stream *stream; /* owned; or NULL */
	struct file *file;	       /* held; or NULL */
	uint64_t file_offset, file_size;
	struct buffer body;
};

/* What the response owes to its request and its connection. */
struct response_frame {
	struct narwhal_bytes stamp; /* STAMP_STATUS and the field lines of all: stamp.h */
	bool head_only;		    /* the answer to HEAD (RFC 9110 section 9.3.2) */
	bool close;		    /* the connection ends after it */
	bool old; /* the client speaks HTTP/1.0: no chunks, and keep-alive is said */
};

/* 200 with nothing; keeps the memory for the next one. A {0} must be reset before its first use. */
void response_reset(struct narwhal_response *response);
/* Gives all memory back, and what the body is made of. */
void response_free(struct narwhal_response *response);

/* The body is `size` bytes of a file from `offset`. Holds the file. */
void response_file(struct narwhal_response *response, struct file *file, uint64_t offset,
	uint64_t size);
/* Gives back the file and the stream: only the head is sent, or something else. */
void response_drop(struct narwhal_response *response);
/* Appends a field line, as narwhal_response_field() does. 0, -EINVAL or -ENOMEM. */
MUST_USE int response_add_line(struct buffer *lines, const char *name, const char *value);
/* Replaces whatever was built by a small page for `status`; fields that were added are lost. */
void response_error(struct narwhal_response *response, unsigned status);
/* The same with a reason in words, which may be NULL. */
void response_refuse(struct narwhal_response *response, unsigned status, const char *reason);

/* Whether a field of that name was added. */
PURE bool response_has_field(const struct narwhal_response *response, const char *name);
/* The body's size, whatever it is made of, or NARWHAL_UNKNOWN; 205 has none, and says so. */
PURE uint64_t response_size(const struct narwhal_response *response);
/* Whether a body follows the head: not for HEAD, 204, 304, and not when it is empty. */
PURE bool response_sends_body(const struct narwhal_response *response,
	const struct response_frame *frame);
/* Appends the whole head. 0 or -ENOMEM, `output` unchanged. */
MUST_USE int response_write_head(const struct narwhal_response *response,
	const struct response_frame *frame, struct buffer *output);

#endif
