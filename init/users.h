/*
 * users.h - who the workers shall be: the settings `user` and `group` made into numbers, and
 * whether `initgroups` can be.
 *
 * Reads /etc/passwd and /etc/group by itself: the arbiter is static, and the name service of the
 * C library would load modules of the container's file system into PID 1. Changes no identity.
 */
#ifndef INIT_USERS_H
#define INIT_USERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"

#define USERS_NOBODY 65534 /* who has no other place: Linux' overflow uid and gid */

/* Borrowed. `user` and `group` are NULL when not set; uid and gid are our own effective ones. */
struct users_question {
	const char *user;
	const char *group;
	bool initgroups;
	uid_t uid;
	gid_t gid;
	const char *passwd_file;
	const char *group_file;
};

struct users {
	bool drop; /* we are root: a worker becomes uid and gid first */
	uid_t uid;
	gid_t gid;
	bool defaulted; /* we are root and `user` was not named: uid is USERS_NOBODY */
};

/* The question as this process asks it: its own ids, /etc/passwd, /etc/group. */
struct users_question users_question(const struct settings *settings);

/*
 * 0; -EINVAL (no such name), -EPERM (needs root) or another -errno, with `why` naming setting,
 * value and what is allowed.
 */
MUST_USE int users_resolve(const struct users_question *question, struct users *users,
	struct text *why);

#endif
