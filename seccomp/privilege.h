/*
 * privilege.h - gives up all that a worker must not have, for good, and proves it.
 *
 * Started as root it becomes another user; in any case no capability is left, and no program that
 * is executed later can bring one back. Nothing here is believed because a call returned 0: what
 * the kernel says afterwards is what counts.
 */
#ifndef SECCOMP_PRIVILEGE_H
#define SECCOMP_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/groups.h"
#include "base/text.h"
#include "seccomp/readback.h"

struct privilege {
	bool change; /* become uid and gid, with these supplementary groups alone */
	uid_t uid;
	gid_t gid;
	const struct groups *groups; /* borrowed; NULL: none */
};

/*
 * 0, or -errno with `why` naming the step that failed. After a failure the process may be anything
 * in between and must end. Adds to `wanted` what must be so from then on, having compared it once.
 * Clears the parent-death signal and the dumpable flag, as the kernel does on each change of ids.
 */
MUST_USE int privilege_drop(const struct privilege *privilege, struct readback *wanted,
	struct text *why);

#endif
