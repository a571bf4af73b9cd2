/*
 * shards.h - reuse_port: one address as several sockets, one for each CPU, in a group that the
 * kernel steers by the CPU on which a connection comes in (SO_REUSEPORT, socket(7)).
 *
 * Each shard is a listener like any other, opened once and held by the arbiter: so nothing that is
 * queued on one goes when a worker does. All workers watch all of them; see service/acceptors.h.
 */
#ifndef INIT_SHARDS_H
#define INIT_SHARDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/address.h"
#include "init/listener_set.h"

/* As many as CPUs, or as there is room for in a list; 2 at the least: a group is known by that. */
PURE size_t shards_wanted(size_t cpus, const struct address_list *addresses);
/*
 * How many there are to be of each address: what the sources have, or is to be wanted; 1 when
 * reuse_port is off. -EINVAL with `why` when what they have is of the other kind: a socket that
 * listens can neither join a group nor leave it, nor can one that waits on the shelf.
 */
MUST_USE int shards_count(bool reuse_port, const struct listener_sources *sources,
	const struct address_list *addresses, size_t *count, struct text *why);
/*
 * Each TCP address becomes `count` of them, with "#1" and so on behind the text of all but the
 * first. -E2BIG with `why` when that makes more than HERITAGE_LISTENERS.
 */
MUST_USE int shards_expand(struct address_list *addresses, size_t count, struct text *why);
/* Which shard a text names: 0 for the first, and for what is none. */
PURE unsigned shard_of(const char *text);
/* The kernel shall choose shard N modulo `count` on CPU N. 0 or -errno. */
MUST_USE int shards_steer(int fd, size_t count);

#endif
