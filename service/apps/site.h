/*
 * site.h - one directory that is served, with all that was set for it; and what one sees of a path
 * in it by looking: which file it is, in which codings it is there, or why there is none.
 *
 * Opens no file but the root: what is looked at is not touched.
 */
#ifndef SERVICE_APPS_SITE_H
#define SERVICE_APPS_SITE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"
#include "service/apps/encoding.h"
#include "service/apps/mime.h"
#include "service/apps/path.h"
#include "service/apps/root.h"
#include "service/apps/validators.h"

struct site {
	char *directory; /* as it was named */
	struct root root;
	struct mime mime;
	const struct settings *settings; /* borrowed */
};

enum sight_kind {
	SIGHT_FILE,
	SIGHT_UNSLASHED, /* a directory, named without the slash at its end */
	SIGHT_DIRECTORY, /* one without an index, to be listed */
	SIGHT_NOTHING,	 /* `status` says why */
};

struct sight {
	enum sight_kind kind;
	unsigned status;    /* 400 to 503 */
	unsigned encodings; /* that a file is there in: a bit (1 << enum encoding) each */
	struct version versions[ENCODINGS];
};

/* 0, or -errno with `why`. The directory is relative to the current one. */
MUST_USE int site_open(struct site *site, const char *directory, const struct settings *settings,
	struct text *why);
void site_close(struct site *site);

/*
 * Looks at the path of a request target. `path` becomes the name of the file: with the index, where
 * a directory has one.
 */
void site_look(const struct site *site, const char *target, size_t size, struct path *path,
	struct sight *sight);
PURE bool sight_same(const struct sight *a, const struct sight *b);
/* What a client hears of an error in opening a file. */
unsigned site_status(int error);

#endif
