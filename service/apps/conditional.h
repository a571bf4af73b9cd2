/*
 * conditional.h - whether a conditional request gets the file, a 304 or a 412. Pure.
 * RFC 9110 section 13, for what has an entity tag and a modification time.
 *
 * Give it every field line of the request, in order, then ask. It may only decide where the
 * answer would be a 200: section 13.2.1 puts a 404 or a redirect before any precondition.
 */
#ifndef SERVICE_APPS_CONDITIONAL_H
#define SERVICE_APPS_CONDITIONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum conditional_outcome {
	CONDITIONAL_SEND,
	CONDITIONAL_NOT_MODIFIED, /* 304 */
	CONDITIONAL_FAILED,	  /* 412 */
};

struct conditional_tags {
	bool given;
	bool matched;
};

struct conditional_date {
	unsigned lines; /* more than one: not a date, ignored (section 13.1.3) */
	bool valid;
	int64_t seconds;
};

struct conditional {
	const char *etag; /* with its quotes and without "W/"; borrowed */
	size_t etag_size;
	bool weak;
	bool settled;	  /* `modified` is so long ago that it stands for one version alone */
	int64_t modified; /* seconds since 1970, as Last-Modified says */
	struct conditional_tags match, none_match, range;
	struct conditional_date modified_since, unmodified_since;
};

/* A field line of the request; all but the five If-… are passed over. */
void conditional_add(struct conditional *conditional, const char *name, size_t name_size,
	const char *value, size_t size);
/* For GET and HEAD. */
enum conditional_outcome conditional_decide(const struct conditional *conditional) PURE;
/* Section 13.2.2, step 5: whether a Range field counts; without one of If-Range it does. */
bool conditional_has_range(const struct conditional *conditional) PURE;

#endif
