/*
 * sentry.h - sees when a program waits for connections, without its help: exec_ready = accept.
 *
 * Who of several workers has accepted a connection, the kernel tells nobody. It does tell who waits
 * for one: an epoll set that holds the listener (fdinfo, proc(5)), or a thread that sleeps in
 * accept(2), poll(2) or select(2) in a process that has it open. That may be asked by a process of
 * the same user, so it is a child's work, as long as the worker boots; the arbiter only reaps it.
 */
#ifndef INIT_SENTRY_H
#define INIT_SENTRY_H

#include <signal.h>
#include <stdbool.h>

#include "base/attr.h"
#include "init/arbiter.h"

/* Begins to look at that worker. Where no process can be had, it counts as seen. */
void sentry_begin(struct child *child);
/* True if the dead one was a sentry: what it saw is carried out. */
bool sentry_reap(struct arbiter *arbiter, const siginfo_t *info);
/* The worker is gone, or ready by itself. */
void sentry_end(struct child *child);

/* Whether a line of fdinfo says that an epoll set holds that inode. Pure. */
bool sentry_is_watching(const char *line, unsigned long long inode) PURE;
/* Whether the name of a place in the kernel is one where a process waits for connections. Pure. */
bool sentry_is_waiting(const char *place) PURE;

#endif
