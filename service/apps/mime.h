/*
 * mime.h - the media type of a file by its name's extension. Pure; looks at no content.
 *
 * A table in the form of mime.types(5) comes first, if there is one, and then the one built in:
 * mime.def. Text is said to be UTF-8.
 */
#ifndef SERVICE_APPS_MIME_H
#define SERVICE_APPS_MIME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define MIME_EXTENSION_MAX 15

struct mime_row;
/* {0}: the table built in and nothing else. */
struct mime {
	struct mime_row *rows; /* sorted by extension */
	size_t count;
	char *types;
};

/*
 * Reads lines of "type/subtype extension extension"; what is none is left out, of two for one
 * extension the first counts. 0 or -ENOMEM.
 */
MUST_USE int mime_read(struct mime *mime, const char *bytes, size_t size);
void mime_free(struct mime *mime);

/*
 * The Content-Type for the file `path`, whatever the extension's case. Without an extension, or
 * with one that no table knows: application/octet-stream, which browsers save.
 */
const char *mime_type(const struct mime *mime, const char *path, size_t size) PURE;
/* Whether such a file becomes much smaller by compression. */
bool mime_is_text(const char *type) PURE;
/* Whether it is compressed already. */
bool mime_is_packed(const char *type) PURE;

#endif
