/*
 * departure.h - freezes the arbiter, and execs the other image in its place.
 *
 * Children stay children, what is pending stays pending, and every descriptor of the heirloom keeps
 * its number. argv and environment are the original ones, byte for byte.
 */
#ifndef INIT_DEPARTURE_H
#define INIT_DEPARTURE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

/* The heirloom in a sealed file: its descriptor, or -errno with `why`. */
MUST_USE int departure_freeze(struct arbiter *arbiter, uint64_t version, struct text *why);
/* Returns only if the world refused, with `why`; then nothing has changed. */
void departure_exec(struct arbiter *arbiter, uint64_t version, struct text *why);

#endif
