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

struct narwhal_response {
	unsigned status;
	int error; /* the first failure of a call, negative; the client then gets a 500 */
	struct buffer fields; /* "Name: value\r\n" each */
	struct buffer body;
	int file_fd; /* -1: the body is `body` */
	uint64_t file_offset, file_size;
};

/* What the response owes to its request and its connection. */
struct response_frame {
	struct narwhal_bytes stamp; /* field lines that every response has: Server, Date */
	bool head_only;		    /* the answer to HEAD (RFC 9110 section 9.3.2) */
	bool close;		    /* the connection ends after it */
	bool keep_alive;	    /* it does not, and an HTTP/1.0 client must be told */
};

/* 200 with nothing; keeps the memory for the next one. A {0} must be reset before its first use. */
void response_reset(struct narwhal_response *response);
/* Gives all memory back, and the file. */
void response_free(struct narwhal_response *response);

/* The body is `size` bytes of a file from `offset`; takes *fd, also on failure. */
void response_file(struct narwhal_response *response, int *fd, uint64_t offset, uint64_t size);
/* Replaces whatever was built by a small page for `status`; fields that were added are lost. */
void response_error(struct narwhal_response *response, unsigned status);
/* The same with a reason in words, which may be NULL. */
void response_refuse(struct narwhal_response *response, unsigned status, const char *reason);

/* The body's size, whatever it is made of; 205 has none, and says so. */
PURE uint64_t response_size(const struct narwhal_response *response);
/* Whether a body follows the head: not for HEAD, 204, 304, and not when it is empty. */
PURE bool response_sends_body(const struct narwhal_response *response,
	const struct response_frame *frame);
/* Appends the whole head. 0 or -ENOMEM, `output` unchanged. */
MUST_USE int response_write_head(const struct narwhal_response *response,
	const struct response_frame *frame, struct buffer *output);

#endif
