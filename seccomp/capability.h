/*
 * capability.h - gives up the capabilities that are not needed any more, and keeps the others.
 *
 * For the arbiter, which stays what it is and has work left; who needs none is privilege.h's. Sets
 * of capabilities are masks, as the kernel has them.
 */
#ifndef SECCOMP_CAPABILITY_H
#define SECCOMP_CAPABILITY_H

#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

#define CAPABILITY_ALL UINT64_MAX
#define CAPABILITY_OF(number) (UINT64_C(1) << (number))

/* The bounding set: what is not in it, no program of ours has any more. Asks for no memory. */
uint64_t capability_bounds(void);
/*
 * Nothing but `kept` stays in any of the five sets, and so none comes back by execve(2), as root or
 * not. Without CAP_SETPCAP the bounding set stays as it is. 0, or -errno with `why`; read back.
 */
MUST_USE int capability_keep(uint64_t kept, struct text *why);
/*
 * Adds those of a list like "net_raw,CAP_CHOWN", in which "all" is every one. -EINVAL with `why`,
 * the item and what is allowed.
 */
MUST_USE int capability_read(const char *list, uint64_t *mask, struct text *why);
/* "CAP_NET_RAW". */
void capability_add_name(int number, struct text *text);

#endif
