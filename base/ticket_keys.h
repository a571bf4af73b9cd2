/*
 * ticket_keys.h - the keys that session tickets are made with: the same for every worker, so that
 * a session resumes wherever its client comes back to.
 *
 * One piece of memory that the arbiter writes and workers can only read. Keys are renewed in place:
 * no worker is told, and none ever sees half a key. What a key is used for is the worker's TLS's to
 * know. Pure.
 */
#ifndef BASE_TICKET_KEYS_H
#define BASE_TICKET_KEYS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/attr.h"

/* The one that new tickets are made with, and those before it, which still open theirs. */
#define TICKET_KEYS 3
/* A ticket is good for so many rotations: so long its key is there, however late it was made. */
#define TICKET_LIFETIME (TICKET_KEYS - 1)

#define TICKET_NAME_SIZE 16
#define TICKET_SECRET_SIZE 32

struct ticket_key {
	unsigned char name[TICKET_NAME_SIZE]; /* stands in the ticket, readable for all */
	unsigned char cipher[TICKET_SECRET_SIZE];
	unsigned char mac[TICKET_SECRET_SIZE];
	uint64_t made_ms; /* as of clock_ms(); 0: there is no such key */
};

/* The newest first. */
struct ticket_ring {
	struct ticket_key key[TICKET_KEYS];
};

struct ticket_keys {
	_Atomic uint32_t sequence; /* odd while the ring is being written */
	struct ticket_ring ring;
};

/* The arbiter's: `fresh` is the newest from now on, and the oldest is no more. */
void ticket_keys_rotate(struct ticket_keys *keys, const struct ticket_key *fresh);
/*
 * A copy, to be wiped by who has read it. 0, or -EAGAIN: it was being written all the while, as the
 * writer was stopped in the middle; there is nothing to wait for.
 */
MUST_USE int ticket_keys_read(const struct ticket_keys *keys, struct ticket_ring *ring);

#endif
