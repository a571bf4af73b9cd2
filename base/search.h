/*
 * search.h - where a program may be: the walk over PATH that execvp(3) makes. Pure.
 *
 * execvp itself will not do: it hands a file that is no program to /bin/sh.
 */
#ifndef BASE_SEARCH_H
#define BASE_SEARCH_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/text.h"

struct search {
	const char *name; /* borrowed */
	const char *rest; /* of PATH; NULL: the last one was given */
};

/* `path` is PATH's value, or NULL. A name with a slash is its own place, and an empty one has none.
 */
struct search search_begin(const char *name, const char *path);
/* The next place, into an empty text; false when there is none. One that does not fit is `cut`. */
MUST_USE bool search_next(struct search *search, struct text *place);

#endif
