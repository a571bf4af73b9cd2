/*
 * landlock.h - takes from this process, for good, what it does not need: files that no rule names,
 * TCP, signals and abstract sockets of others, as far as the kernel's Landlock can (landlock(7)).
 *
 * What is open stays open, and what starts later inherits it. Needs no_new_privs; asks for nothing
 * that this kernel does not know. The rules are about files, not names: what is renamed keeps its
 * rule, and what takes its name has none. Reads no setting.
 */
#ifndef SECCOMP_LANDLOCK_H
#define SECCOMP_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/* The setting `landlock`, in the order of its words. */
enum landlock_choice {
	LANDLOCK_AUTO, /* as much as there is */
	LANDLOCK_REQUIRE,
	LANDLOCK_OFF,
};

/* As the kernel takes them (struct landlock_ruleset_attr, which older headers have in part). */
struct landlock_rights {
	uint64_t files;
	uint64_t ports;
	uint64_t scopes;
};

enum landlock_grant {
	LANDLOCK_NEVER,
	LANDLOCK_READ,
	LANDLOCK_WRITE, /* and read */
	LANDLOCK_RUN,	/* and read */
	LANDLOCK_CONNECT,
};

struct landlock {
	int fd;		 /* the rules, until they are in force; else -1 */
	int abi;	 /* of the kernel */
	bool connects;	 /* to all ports: no rule is to be had for one */
	bool reads_root; /* and so everything: nothing is left to try */
};

/* All that an ABI can take away, and what a grant gives back, of a directory or of a single file.
 */
struct landlock_rights landlock_all(int abi) PURE;
uint64_t landlock_given(int abi, enum landlock_grant grant, bool directory) PURE;

/*
 * The ABI of this kernel, 1 and up; or -ENOSYS (it has none), -EOPNOTSUPP (it was not switched on
 * at boot), or another -errno, with which a seccomp profile around us refuses to tell.
 */
MUST_USE int landlock_abi(void);
/* What to do about such an error, in words. */
const char *landlock_remedy(int error) PURE;

/* One item of the setting landlock_connect, but "*": 0, or -errno with `why`. */
MUST_USE int landlock_read_port(const char *item, size_t size, uint16_t *port, struct text *why);

/* Rules that allow nothing yet; `connect`: but TCP connections to anywhere. 0 or -errno. */
MUST_USE int landlock_open(struct landlock *landlock, int abi, bool connect);
void landlock_close(struct landlock *landlock);
/* What lies below an open directory (O_PATH will do), or that one file. 0 or -errno. */
MUST_USE int landlock_allow(struct landlock *landlock, int fd, enum landlock_grant grant);
/* TCP connections to that port. 0, also where all are free (before ABI 4), or -errno. */
MUST_USE int landlock_allow_port(struct landlock *landlock, uint16_t port);
/*
 * From here on; of this thread alone, and of those that it starts. Proven by an attempt. 0, -E2BIG
 * (there are 16 of such sandboxes around us: one more is too many), or another -errno.
 */
MUST_USE int landlock_enforce(struct landlock *landlock);
/* The attempt: to open what no rule gives. 0, or -EPERM: it could be opened. */
MUST_USE int landlock_prove(const struct landlock *landlock);

#endif
