/*
 * gunicorn_findings.h - what a config file of Gunicorn's sets, and whether narwhal can be told so.
 *
 * Pure but for memory. A finding that cannot be carried over says why.
 */
#ifndef INIT_GUNICORN_FINDINGS_H
#define INIT_GUNICORN_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "init/gunicorn.h"

enum gunicorn_finding_kind {
	FINDING_TEXT,	/* a value, or an item of a list */
	FINDING_WORKED, /* the values behind it are of here and now */
	FINDING_FUNCTION,
	FINDING_OTHER, /* what no line of a file can be; its value is Python's name for it */
};

struct gunicorn_finding {
	enum gunicorn_finding_kind kind;
	const struct gunicorn *row;
	const struct setting *setting; /* that it becomes; or NULL */
	const char *value;
	char why[256]; /* it cannot be carried over; "" when it can */
};

struct gunicorn_findings {
	struct gunicorn_finding *item;
	size_t count;
	bool tls; /* there is a certificate: what Gunicorn binds speaks TLS */
};

/*
 * Of gunicorn_read()'s text, which is taken apart in place and must outlive them. 0, -ENOMEM, or
 * -EINVAL for a text that is none; gunicorn_findings_free() is due in any case.
 */
MUST_USE int gunicorn_findings_read(char *text, struct gunicorn_findings *findings);
void gunicorn_findings_free(struct gunicorn_findings *findings);

#endif
