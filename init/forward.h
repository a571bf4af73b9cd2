/*
 * forward.h - hands the signals that we get on to the program, or to its process group.
 *
 * A signal that carries a value, and every real-time one, arrives with value and sender, in order,
 * and none is lost: one that the kernel does not take now is held, and tried again by deadline.
 * Held here and not in the kernel: all that a user has pending counts against one limit
 * (RLIMIT_SIGPENDING), and our full queue would leave no room in the program's.
 */
#ifndef INIT_FORWARD_H
#define INIT_FORWARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "init/mapping.h"

#define FORWARD_HELD_MAX 32

struct forward {
	pid_t pid;  /* the program's, and its group's; -1 when it has ended */
	bool group; /* to all of the group */
	struct signal_mapping rewrites;
	uint64_t retry_ms;    /* when the held ones are tried again; CLOCK_NEVER */
	unsigned first, held; /* a ring */
	siginfo_t ring[FORWARD_HELD_MAX];
};

/* Sends what the signal is to become. Returns that number; 0: it was dropped. */
int forward_signal(struct forward *forward, const siginfo_t *info);
/* Tries what is held. */
void forward_retry(struct forward *forward);
/* No room for one more: real-time signals have to stay in our own queue. */
bool forward_is_full(const struct forward *forward) PURE;

#endif
