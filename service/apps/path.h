/*
 * path.h - from the path of a request target to the name of a file below the root. Pure.
 *
 * What comes out has no empty, "." or ".." segment and no leading slash, so it can only name
 * something below the root, unless a symbolic link does otherwise: that is for whoever opens it.
 *
 *   malformed: no "/" first, a bad escape, a control byte (%00 too)     PATH_MALFORMED, a 400
 *   an encoded slash, a backslash: one name that would be read as two   PATH_HIDDEN, a 404
 *   a segment that begins with ".": .git, .env, .htpasswd, "..."        PATH_HIDDEN
 *     but for the first one being .well-known (RFC 8615), for ACME
 *   ".." above the root, longer than PATH_MAX while still encoded       PATH_HIDDEN
 *   dot segments, however encoded        resolved (RFC 3986 section 5.2.4), as text
 *   empty segments                       left out: "//a///b" is "a/b"
 *
 * Escapes are decoded once. Bytes from 0x80 are bytes: no UTF-8 is decoded, overlong or not.
 */
#ifndef SERVICE_APPS_PATH_H
#define SERVICE_APPS_PATH_H

#include <limits.h>
#include <stddef.h>

#include "base/attr.h"

enum path_kind {
	PATH_FILE,
	PATH_DIRECTORY, /* ends with "/", or is empty: the root */
	PATH_MALFORMED,
	PATH_HIDDEN,
};

struct path {
	size_t used;
	char bytes[PATH_MAX]; /* NUL-terminated, if a file's or a directory's */
};

/* `encoded` is the path as sent, without "?"; an empty one is "/" (RFC 9110 section 4.2.3). */
MUST_USE enum path_kind path_resolve(struct path *path, const char *encoded, size_t size);

#endif
