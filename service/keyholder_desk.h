/*
 * keyholder_desk.h - where workers ask the key holder: one socket to each, one answer to each
 * question.
 *
 * Who asks what no TLS server asks is cut off, with a line in the log, and the arbiter, who is
 * told, replaces him. Nothing else cuts anybody off for good: who does not take his answers waits
 * for himself alone, and who loses his line for want of memory gets another one, where he asks
 * again.
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
	int channel_fd; /* the arbiter's */
	struct keyholder_client *first;
};

void keyholder_desk_open(struct keyholder_desk *desk, const struct keyholder_keys *keys,
	struct loop *loop, struct log *log, int channel_fd);
/* A worker's socket, in place of the one before, and its pid as the arbiter writes it; takes *fd.
 */
void keyholder_desk_admit(struct keyholder_desk *desk, int *fd, const char *name);
void keyholder_desk_close(struct keyholder_desk *desk);

#endif
