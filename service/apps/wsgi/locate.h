/*
 * locate.h - which Python is meant, and where its shared library lies: by the file system alone,
 * nothing is run for it.
 */
#ifndef SERVICE_APPS_WSGI_LOCATE_H
#define SERVICE_APPS_WSGI_LOCATE_H

#include <limits.h>

#include "base/attr.h"
#include "base/text.h"

struct located {
	char program[PATH_MAX]; /* by which Python finds its modules: a virtual environment's, too
				 */
	char library[PATH_MAX];
};

/*
 * `wanted` is the setting `python`: a program, or a directory that has bin/python3; NULL: that of
 * the virtual environment `environment`, or of none (NULL) the first python3 of `path` whose
 * library is there. 0, or -errno with `why`.
 */
MUST_USE int locate(struct located *located, const char *wanted, const char *environment,
	const char *path, struct text *why);

#endif
