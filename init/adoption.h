/*
 * adoption.h - makes a thawed arbiter whole: every descriptor is there and is what it should be,
 * pages are mapped again, and what the kernel did not keep is opened anew.
 *
 * Nothing is changed that another image could not find as it was, up to the end.
 */
#ifndef INIT_ADOPTION_H
#define INIT_ADOPTION_H

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

/*
 * Lets go of every descriptor, listener and page that cannot be adopted, for an image that nobody
 * else can go on for: without them it serves, and with them it would try for ever.
 */
void adoption_trim(struct arbiter *arbiter);
/* 0, or -errno with `why`. */
MUST_USE int adoption_run(struct arbiter *arbiter, struct text *why);

#endif
