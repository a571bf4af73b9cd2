/*
 * outsider.h - a worker that is a program in any language: `--bind :8080 -- PROGRAM WORDS`.
 *
 * It is born as every worker is and becomes unprivileged in narwhal-worker, which then executes the
 * program in its place: that closes the channel, and the page is nobody's. From there on it is told
 * by signals, tells by noticeboard.h, and owes nothing but to serve on the listeners that it has.
 */
#ifndef INIT_OUTSIDER_H
#define INIT_OUTSIDER_H

#include <signal.h>
#include <sys/signalfd.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"
#include "init/notice.h"

/* The choices of exec_ready, in their order. */
enum exec_ready {
	EXEC_READY_NOTIFY,
	EXEC_READY_ACCEPT,
	EXEC_READY_START,
};

/* Whether a generation's workers are. */
bool outsider_is_wished(const struct generation *generation) PURE;
/* What its words ask for is there: 0, or -EINVAL with `why`. */
MUST_USE int outsider_check(const struct generation *generation, struct text *why);

/* The app as the worker in that slot has it. */
void outsider_add_app(const struct generation *generation, unsigned slot, struct text *text);
/* In the child: the variables of sd_listen_fds(3) and sd_notify(3). 0 or -errno. */
MUST_USE int outsider_set_environment(const struct arbiter *arbiter,
	const struct generation *generation);

/* It has closed its channel before it was ready. False: not because it was executed. */
bool outsider_began(struct child *child);
/* It serves, if it did not before. */
void outsider_ready(struct child *child);
void outsider_hear(struct child *child, const struct notice_found *found);
/* No sign of life in time. */
void outsider_missed(struct child *child);

/* Whether those that serve, or an older generation's, have to empty what waits first. */
void outsider_wish(struct arbiter *arbiter);
/* A signal that is none of the arbiter's goes to all of them. */
void outsider_forward(struct arbiter *arbiter, const struct signalfd_siginfo *info);
/* Its processes, after its own end. */
void outsider_clear(const struct child *child, pid_t pid, bool signalled);

#endif
