/*
 * net.h - what catches PID 1 if the new image falls while it thaws: a fault, an abort or a hang
 * execs the image before it, by descriptor.
 *
 * For that time alone; an arbiter that has begun to act has a state that no heirloom knows.
 */
#ifndef INIT_NET_H
#define INIT_NET_H

#include <stddef.h>

#include "base/attr.h"
#include "init/descriptors.h"

struct net {
	int back_fd;
	char *const *argv;
	char *const *envp;
	const struct descriptors *descriptors; /* NULL: there is nothing to give back */
};

#define NET_SIZE ((size_t)64 * 1024) /* the net, and a stack to fall onto */

/* `memory`: NET_SIZE bytes, aligned for any type, that stay until net_remove(). */
void net_spread(const struct net *net, void *memory, unsigned seconds);
void net_remove(void);
/* Execs the image before; while the world refuses that, it is tried again. */
NORETURN void net_return(const struct net *net);

#endif
