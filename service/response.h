/*
 * response.h - one response while the app builds it, and how its head is written (RFC 9112).
 *
 * Behind narwhal_response_*() of the public header; the functions here are for the apps that are
 * built in and for the connection.
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

/* The body is `size` bytes of a file from `offset`; takes *fd, also on failure. */
void response_file(struct narwhal_response *response, int *fd, uint64_t offset, uint64_t size);
/* Replaces whatever was built by a small page for `status`; fields that were added are lost. */
void response_error(struct narwhal_response *response, unsigned status);

#endif
