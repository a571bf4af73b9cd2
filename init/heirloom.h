/*
 * heirloom.h - the arbiter's state as text, for the image that comes next: frozen and thawed by the
 * one table in heirloom.def.
 *
 *	narwhal-heirloom 2 5
 *	[arbiter 0]
 *	born_ms 12345
 *	...
 *	[slot 0]
 *	state SERVING
 *	...
 *	sum 1234567890123456789
 *
 * The first line has the version, and the descriptor of the image that froze it ("-" in a trial).
 * Behind [generation 0] stand its settings: "set workers 2". Pure: descriptors are numbers here.
 *
 * Of init mode only the program, the upgrade and the settings are frozen: an arbiter's `program`
 *says which it is. To be thawed it may point to one that is nobody's yet; it is NULL then, if there
 *is none.
 *
 * What is thawed was written by narwhal itself, and is believed no more than that: every name,
 *number and length is checked, and what is wrong costs the upgrade, not the arbiter.
 */
#ifndef INIT_HEIRLOOM_H
#define INIT_HEIRLOOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

#define HEIRLOOM_VERSION 6 /* as written by this image, and the newest that it reads */
#define HEIRLOOM_OLDEST 1  /* that it reads and writes */
#define HEIRLOOM_SIZE_MAX ((size_t)8 << 20)
#define HEIRLOOM_RUNS (HOOKS_AT_ONCE + HOOKS_WAITING)
#define HEIRLOOM_SHELF 1024

struct heirloom_head {
	uint64_t version;
	int back_fd; /* the image that can thaw it again; -1: there is none */
};

/* The first line alone: so little can go wrong there that the way back is known first. */
MUST_USE int heirloom_read_head(const char *bytes, size_t size, struct heirloom_head *head,
	struct text *why);

/* As an image of that version writes it; a text that is too small is `cut`. */
void heirloom_freeze(struct arbiter *arbiter, uint64_t version, struct text *text);

/*
 * Into an arbiter that arbiter_prepare() has made. 0, -ENOMEM, or -EINVAL with `why`, and then some
 * of it may be there. Descriptors are then the arbiter's, if they are open.
 */
MUST_USE int heirloom_thaw(struct arbiter *arbiter, const char *bytes, size_t size,
	struct text *why);

/* Every descriptor that survives in a heirloom of that version. */
void heirloom_each_fd(struct arbiter *arbiter, uint64_t version,
	void (*visit)(int *fd, void *context), void *context);

#endif
