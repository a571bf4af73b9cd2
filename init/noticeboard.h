/*
 * noticeboard.h - where workers that are programs tell how they are: the socket NOTIFY_SOCKET of
 * sd_notify(3), from the service manager's side.
 *
 * One datagram socket for all, with an abstract name that the kernel chooses, so that no file
 * system need be writable. Who has sent what is the kernel's word (SCM_CREDENTIALS), never the
 * message's: it must be a worker's process or one below it. What is said is gossip.
 *
 * Whoever tells more than can be of use waits, and all others with him, as it is one socket: he
 * cannot be told apart before he is heard. The arbiter's other work does not.
 */
#ifndef INIT_NOTICEBOARD_H
#define INIT_NOTICEBOARD_H

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

/* Opens it unless it is open. 0 or -errno. */
MUST_USE int noticeboard_open(struct arbiter *arbiter);
/* One that came with the heirloom is read from now on; 0 or -errno. */
MUST_USE int noticeboard_adopt(struct arbiter *arbiter);
/* Its name as NOTIFY_SOCKET has it. 0 or -errno. */
MUST_USE int noticeboard_name(const struct arbiter *arbiter, struct text *name);
/* Reads on after a flood. */
void noticeboard_turn(struct arbiter *arbiter);
/* When that is due; CLOCK_NEVER while it is read. */
PURE uint64_t noticeboard_deadline(const struct arbiter *arbiter);
void noticeboard_close(struct arbiter *arbiter);

#endif
