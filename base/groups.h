/*
 * groups.h - which groups a user is a member of, beside the one that it is given: initgroups(3).
 *
 * Reads passwd(5) and group(5) by itself, as nothing of the C library's name service is loaded.
 * Changes no identity.
 */
#ifndef BASE_GROUPS_H
#define BASE_GROUPS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"

#define GROUPS_MAX 256

/* Borrowed. */
struct groups_question {
	uid_t uid;
	gid_t gid;
	const char *passwd_file;
	const char *group_file;
};

struct groups {
	size_t count;
	gid_t id[GROUPS_MAX];
};

/*
 * gid, and each group that names a user of that uid, the first of its name in passwd(5); none for
 * a uid without a name, or without those files. 0, -E2BIG for more than GROUPS_MAX, or -errno.
 */
MUST_USE int groups_read(const struct groups_question *question, struct groups *groups);

#endif
