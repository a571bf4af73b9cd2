/*
 * preload.h - the arbiter's side of workers that a zygote forks (service/zygote.h): the order, the
 * greeting, and what becomes of an order that comes to nothing.
 *
 * To the roster such a worker is BOOTING from the order on. Until it has said HELLO nobody knows
 * its pid, and it is `unborn`: then nothing can be sent to it, and whatever steps it out of
 * BOOTING is its end. Should it come all the same, it finds its channel closed, and leaves.
 */
#ifndef INIT_PRELOAD_H
#define INIT_PRELOAD_H

#include "base/attr.h"
#include "init/arbiter.h"

/* Sends the zygote in that slot the child's end of a channel: 0 or -errno. */
MUST_USE int preload_order(struct arbiter *arbiter, int zygote, int channel_fd);
/*
 * HELLO: takes the pid from the kernel, and gives the worker what is its own. 1; 0: not yet; or a
 * final -errno: -EPIPE when it is nobody, or gone already.
 */
MUST_USE int preload_greet(struct child *child);
/* The slot of an unborn one has left BOOTING: buries it. */
void preload_give_up(struct arbiter *arbiter, unsigned index);
/* Before another image takes over, which can know nothing of them: takes all orders back. */
void preload_take_back(struct arbiter *arbiter);

#endif
