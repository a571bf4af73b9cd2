/*
 * bundle.h - the certificates and keys of a generation, as the arbiter hands them to its workers.
 *
 * One sealed file of items: a line "KIND SIZE NAME", then SIZE bytes as they stood in the file of
 * that name, and a newline. What the bytes mean is nobody's business here: the arbiter copies them
 * and reads none, and the worker's TLS alone understands them. Pure.
 */
#ifndef BASE_BUNDLE_H
#define BASE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/* Bytes of all; more is some mistake. */
#define BUNDLE_SIZE_MAX ((size_t)16 << 20)
/* Room for an item's line. */
#define BUNDLE_LINE_MAX 8400

/* Of each certificate its key comes next, and then, if there is one, its staple. */
enum bundle_kind {
	BUNDLE_MADE,	    /* no file: when it was made, in seconds since 1970; the first item */
	BUNDLE_AUTHORITIES, /* whose client certificates are good, PEM; before the others */
	BUNDLE_CERTIFICATE, /* and the chain behind it, PEM */
	BUNDLE_KEY,	    /* PEM */
	BUNDLE_STAPLE,	    /* an OCSP response, DER */
	BUNDLE_KINDS
};

struct bundle_item {
	enum bundle_kind kind;
	const char *name;
	const char *bytes;
	size_t size;
};

/* The line in front of an item's bytes. */
void bundle_add_line(struct text *text, enum bundle_kind kind, const char *name, size_t size);
/*
 * Takes the next item off `*bytes`, which are changed in place: 1, 0 at the end, or -EINVAL for
 * what is no bundle. The item borrows from them.
 */
MUST_USE int bundle_next(char **bytes, size_t *size, struct bundle_item *item);
/* Whether both hold the same items with the same bytes, but for BUNDLE_MADE. */
bool bundle_same(const char *one, size_t one_size, const char *other, size_t other_size) PURE;

#endif
