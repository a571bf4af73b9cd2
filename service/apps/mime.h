/*
 * mime.h - the media type of a file by its name's extension: mime.def. Pure; looks at no content.
 */
#ifndef SERVICE_APPS_MIME_H
#define SERVICE_APPS_MIME_H

#include <stddef.h>

#include "base/attr.h"

/*
 * The Content-Type for the file `path`, whatever the extension's case. Without an extension, or
 * with one that the table does not know: application/octet-stream, which browsers save.
 */
const char *mime_type(const char *path, size_t size) PURE;

#endif
