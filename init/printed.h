/*
 * printed.h - what a child prints: read while it runs, so that it never waits for a reader, and the
 * end of it kept for a log line.
 *
 * It is gossip, and bounded: nobody reads on behind PRINTED_MAX, nor much of it in one turn.
 */
#ifndef INIT_PRINTED_H
#define INIT_PRINTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/loop.h"

#define PRINTED_MAX ((uint64_t)16 << 20)

struct printed {
	struct watch watch; /* our end; its fd is -1 when there is none */
	struct loop *loop;  /* NULL: not watched */
	uint64_t size;	    /* of all that was read */
	size_t used;	    /* of `tail` */
	char tail[256];	    /* NUL-terminated */
};

void printed_init(struct printed *printed);
/* The child's end goes to *child_fd. 0 or -errno. */
MUST_USE int printed_open(struct printed *printed, int *child_fd);
/* From now on each turn of the loop reads. Where there is none, printed_read() alone does. */
MUST_USE int printed_watch(struct printed *printed, struct loop *loop);
/* What there is now. */
void printed_read(struct printed *printed);
/* So much that whoever prints it cannot be meant to. */
bool printed_is_flood(const struct printed *printed) PURE;
void printed_close(struct printed *printed);

#endif
