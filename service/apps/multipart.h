/*
 * multipart.h - several ranges of a file as one body: multipart/byteranges (RFC 9110 section 14.6).
 */
#ifndef SERVICE_APPS_MULTIPART_H
#define SERVICE_APPS_MULTIPART_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "service/apps/range.h"
#include "service/file.h"
#include "service/response.h"

struct multipart {
	struct ranges ranges;
	uint64_t length;	   /* of the file */
	uint64_t boundary;	   /* a number that nobody can guess, and so put into a file */
	struct narwhal_bytes type; /* the field line Content-Type of each part; CRLF included */
};

/* "bytes 0-99/1000": the value of Content-Range. */
void multipart_add_range(struct text *text, const struct range *range, uint64_t length);
/*
 * What stands before the bytes of a part; behind the last part, `index` being the count, what
 * ends them all.
 */
void multipart_add_head(const struct multipart *multipart, size_t index, struct text *text);
/* Of the whole body. */
uint64_t multipart_size(const struct multipart *multipart);
/* Makes it the response's body, and adds its Content-Type; what fails, the response remembers. */
void multipart_send(struct narwhal_response *response, const struct multipart *multipart,
	struct file *file);

#endif
