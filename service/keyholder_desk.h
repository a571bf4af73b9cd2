/*
 * keyholder_desk.h - where workers ask the key holder: one socket to each, one answer to each
 * question. Who asks what no TLS server asks, or does not take its answers, is cut off for good,
 * with a line in the log.
 */
#ifndef SERVICE_KEYHOLDER_DESK_H
#define SERVICE_KEYHOLDER_DESK_H

#include "base/log.h"
#include "base/loop.h"
#include "service/keyholder_keys.h"

struct keyholder_client;

struct keyholder_desk {
	const struct keyholder_keys *keys;
	struct loop *loop;
	struct log *log;
	struct keyholder_client *first;
};

void keyholder_desk_open(struct keyholder_desk *desk, const struct keyholder_keys *keys,
	struct loop *loop, struct log *log);
/* A worker's socket, and what the log calls that one; takes *fd. */
void keyholder_desk_admit(struct keyholder_desk *desk, int *fd, const char *name);
void keyholder_desk_close(struct keyholder_desk *desk);

#endif
