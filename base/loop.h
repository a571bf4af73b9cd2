/*
 * loop.h - epoll, and nothing else: who waits for which descriptor, and one turn of waiting.
 *
 * A watch is embedded in whatever waits; its owner keeps it in place while it is watched, and may
 * drop it, or any other, from within a `ready`: an event of the same turn that was still to be
 * told is then told to nobody.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/attr.h"

#define LOOP_BATCH 64

struct watch {
	int fd; /* borrowed; -1 when unused */
	void (*ready)(struct watch *watch, uint32_t events);
};

struct loop {
	int epoll_fd;
	int batch_size, batch_next; /* the events of this turn, and which are still to be told */
	struct epoll_event batch[LOOP_BATCH]; /* data.ptr: the watch, or NULL: dropped since */
};

/* -errno, or 0. */
MUST_USE int loop_open(struct loop *loop);
void loop_close(struct loop *loop);
/* `events` as in epoll_ctl(2). */
MUST_USE int loop_add(struct loop *loop, struct watch *watch, uint32_t events);
MUST_USE int loop_change(struct loop *loop, struct watch *watch, uint32_t events);
void loop_drop(struct loop *loop, struct watch *watch);
/* The same where the last descriptor is closed, which the kernel takes for a drop (epoll(7)). */
void loop_forget(struct loop *loop, const struct watch *watch);
/* Waits (timeout as in epoll_wait(2)) and fetches what is ready; says how many events there are. */
int loop_wait(struct loop *loop, int timeout_ms);
/* Tells the next of them; false: all are told. */
bool loop_tell(struct loop *loop);
/* Tells them all. */
void loop_dispatch(struct loop *loop);

#endif
