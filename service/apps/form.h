/*
 * form.h - a file as it is sent: a representation (RFC 9110 section 3.2) in one content coding,
 * with its field lines written once for all requests.
 *
 * A small one is held in memory, a large one as an open file; gzip is made here out of what is
 * neither there in it nor small already.
 */
#ifndef SERVICE_APPS_FORM_H
#define SERVICE_APPS_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "service/apps/encoding.h"
#include "service/apps/site.h"
#include "service/file.h"

struct form {
	struct file *file; /* held; NULL: still to be made */
	uint64_t size;
	struct validators validators;
	bool weak; /* the validators' tag: what is made anew may come out otherwise */
	/*
	 * Field lines, in this order: what a 304 has, too; then what concerns the bytes; and
	 * Content-Type, for which several ranges have one of their own.
	 */
	size_t kept_size, untyped_size, lines_size;
	char lines[];
};

/* What a form is made of. */
struct form_plan {
	const struct site *site;
	const char *path; /* of the file without a suffix: a slash, and the name below the root */
	enum encoding encoding;
	bool varies; /* there are other codings of it */
	bool made;   /* in this coding by us, out of the file as it is */
	int64_t now_s;
};

/*
 * Opens the file; up to `kept` bytes are read into memory. 0 or -errno, as root_file(); -ESTALE
 * when it is no longer the `version` that was seen.
 */
MUST_USE int form_open(struct form **form, const struct form_plan *plan,
	const struct version *version, uint64_t kept);
/*
 * The same with what was made out of `version`, which lies in memory; or with NULL, when it is
 * not made yet. Takes *file, also on failure.
 */
MUST_USE int form_make(struct form **form, const struct form_plan *plan,
	const struct version *version, struct file **file);
/* Frees *form, unless it is NULL, which it is then. */
void form_free(struct form **form);

#endif
