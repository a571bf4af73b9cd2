/*
 * notify.h - tells a service manager how the service is, by the protocol of sd_notify(3).
 *
 * The socket that NOTIFY_SOCKET names gets datagrams like READY=1. Nothing waits for the manager:
 * a datagram that it does not take is sent again by deadline, and a later state replaces it. The
 * watchdog is the loop's: WATCHDOG=1 twice in WATCHDOG_USEC, which an arbiter that hangs would
 * miss. Which state the service is in is not decided here.
 */
#ifndef INIT_NOTIFY_H
#define INIT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/attr.h"
#include "base/text.h"

#define NOTIFY_STATE_MAX 256

struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un address;
	socklen_t size;
	uint64_t watchdog_ms; /* between two signs of life; 0: none is wanted */
	uint64_t watchdog_due_ms;
	uint64_t retry_ms; /* CLOCK_NEVER: nothing is to be sent again */
	char state[NOTIFY_STATE_MAX];
};

/* What the variables say, NULL for one that is not set. */
struct notify_question {
	const char *socket, *watchdog_usec, *watchdog_pid;
};

struct notify_question notify_question(void);

/*
 * 0, also when nobody wants to know; or -errno with `why`, and what can be told all the same will
 * be told: a bad watchdog costs only the watchdog.
 */
MUST_USE int notify_open(struct notify *notify, const struct notify_question *question, pid_t pid,
	uint64_t now_ms, struct text *why);
void notify_close(struct notify *notify);
bool notify_wanted(const struct notify *notify) PURE;

/* Lines like "READY=1\nSTATUS=...", replacing what has not been told yet. */
void notify_tell(struct notify *notify, const char *state, uint64_t now_ms);
/* "RELOADING=1" with the time that must stand beside it, and then `more`. */
void notify_tell_reloading(struct notify *notify, const char *more, uint64_t now_ms);

/* The watchdog and what is to be sent again, when it is due. */
void notify_turn(struct notify *notify, uint64_t now_ms);
PURE uint64_t notify_deadline(const struct notify *notify);

#endif
