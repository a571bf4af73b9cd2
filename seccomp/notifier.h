/*
 * notifier.h - the descriptor on which the kernel asks about system calls that a filter refuses:
 * seccomp_unotify(2).
 *
 * Whoever holds it decides over those calls, so a worker hands it to the arbiter and keeps none.
 * Who made the filter is not trusted: a receiver does not wait longer than a moment, whatever the
 * other side does with the same descriptor. What a call's pointers point to is never read: the
 * caller can change it at any time.
 */
#ifndef SECCOMP_NOTIFIER_H
#define SECCOMP_NOTIFIER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

/* A system call that waits for an answer. */
struct petition {
	uint64_t id;
	pid_t pid;     /* the thread's; 0 when it is not to be seen from here */
	uint32_t arch; /* AUDIT_ARCH_*, see audit.h */
	int number;
	uint64_t argument[6];
};

/* 0; -EPROTO for a descriptor of any other kind, and then it was neither read nor written to. */
MUST_USE int notifier_check(int fd);

/*
 * The next one, after epoll(7) has said that there is one: 1; 0 when its caller was killed
 * meanwhile, or a SIGALRM has to be read first; -ETIMEDOUT when somebody else has taken it; or
 * another -errno. For a process with SIGALRM blocked and no interval timer (setitimer(2)) of its
 * own.
 */
MUST_USE int notifier_receive(int fd, struct petition *petition);

/* Whether its caller still waits: as long as it does, `pid` is nobody else's. */
MUST_USE bool notifier_is_open(int fd, const struct petition *petition);

/*
 * Lets the call go on as if no filter were there (Linux 5.5). No protection: another thread can
 * have changed what was looked at. 0, also when the caller waits no longer; or -errno.
 */
MUST_USE int notifier_continue(int fd, const struct petition *petition);

/* "x86_64" and the like; "other". */
const char *notifier_arch_name(const struct petition *petition) PURE;

#endif
