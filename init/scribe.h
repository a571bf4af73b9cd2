/*
 * scribe.h - the child that makes and removes the file of `when_ready`: a disk may keep who asks it
 * for something waiting for ever, as one that is reached over a network does, and PID 1 waits for
 * nobody.
 *
 * Where there is no process to be had, the arbiter does it itself: a file that says the truth is
 * worth more than what might happen.
 */
#ifndef INIT_SCRIBE_H
#define INIT_SCRIBE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct arbiter;

struct scribe {
	pid_t pid;	     /* 0: nobody is at it */
	uint64_t generation; /* the one that the file shall name; 0: it shall go */
	uint64_t deadline_ms;
	bool given_up; /* it has not done it in time, and got SIGKILL */
};

/* Sees to it that the file says what is so; what could not be written is tried again. */
void scribe_turn(struct arbiter *arbiter);
/* False: that was none of its children. */
bool scribe_reap(struct arbiter *arbiter, const siginfo_t *info);
/* For a time in which nobody could run. */
void scribe_postpone(struct arbiter *arbiter, uint64_t ms);
/* Whether one is at it that may yet have done it in time. */
PURE bool scribe_is_busy(const struct arbiter *arbiter);
PURE uint64_t scribe_deadline(const struct arbiter *arbiter);

#endif
