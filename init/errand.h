/*
 * errand.h - what a request to the arbiter says beyond its number: the path of an image, in a small
 * file that the verb leaves where both can see it, and the arbiter reads once.
 *
 * The signal that tells of it says who may ask; the file is believed only if it belongs to root or
 * to the arbiter's own user, if that one is trusted, and nobody else could write it. It is named by
 * a number that the signal carries, and by nothing that somebody else could plant beforehand.
 */
#ifndef INIT_ERRAND_H
#define INIT_ERRAND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"

#define ERRAND_MAX 4096 /* the longest path, with its NUL */

/* The verb's side. */
struct errand {
	uint32_t number;
	char file[64];
	int watch_fd; /* says that it was read */
};

/* Leaves one that says `path`. 0, or -errno with `why`; errand_end() is due in both cases. */
MUST_USE int errand_leave(struct errand *errand, const char *path, struct text *why);
/* Waits until it was read, but not for long. 0, or -errno with `why`. */
MUST_USE int errand_wait(const struct errand *errand, struct text *why);
void errand_end(struct errand *errand);

/* Whose errands are believed. */
enum errand_trust { ERRAND_OF_ROOT, ERRAND_OF_OUR_USER /* and of root */ };

/* The arbiter's side, which waits for nothing. 0, or -errno with `why`. */
MUST_USE int errand_read(uint32_t number, enum errand_trust trust, char path[static ERRAND_MAX],
	struct text *why);

#endif
