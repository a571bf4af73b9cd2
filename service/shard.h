/*
 * shard.h - reuse_port: which of the sockets of one address is this worker's own.
 *
 * Nobody has to say it: the sockets of a group have one address, and stand in their order.
 */
#ifndef SERVICE_SHARD_H
#define SERVICE_SHARD_H

#include <stddef.h>
#include <stdint.h>

struct shard {
	size_t index;
	size_t count; /* 1: the socket is alone, whatever its options are */
};

/* Of the listener `fds[at]`, among `count`. */
struct shard shard_find(const int *fds, size_t count, size_t at);
/*
 * Stays on the CPUs whose connections come in on the shards of `slot`. Where there are none among
 * those that it may run on, all remain.
 */
void shard_settle(uint64_t slot, size_t count);

#endif
