/*
 * listener.h - a socket that the service listens on: opened once, by the arbiter, for all.
 *
 * Nothing is accepted here: workers do that, on the same sockets. Nothing is logged here.
 * Sockets that were inherited (fd://N) are used as they are: somebody else holds them too.
 */
#ifndef INIT_LISTENER_H
#define INIT_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/text.h"
#include "init/address.h"

struct listener {
	int fd;		/* non-blocking, close-on-exec; owned */
	bool inherited; /* from fd://N */
	bool tls;	/* who connects speaks TLS */
	bool gated;	/* no new connection gets into the queue any more */
	bool linked;	/* `device` and `inode` are those of a socket file that we made */
	dev_t device;
	ino_t inode;
	char asked[ADDRESS_TEXT_SIZE]; /* as the setting has it */
	struct address address; /* as the kernel tells it: with the port that it chose, if it did */
};

/*
 * Opens `address`, which is one of `addresses`: [::]:PORT serves IPv4 too, unless these name an
 * IPv4 address with the same port. 0, or -errno, with `why` that names the address and the cause,
 * and then nothing is left behind.
 *
 * A socket file that nobody listens on is replaced; modes are as the process's umask wants them.
 * `backlog` is cut by the kernel to net.core.somaxconn.
 */
MUST_USE int listener_open(struct listener *listener, const struct address *address,
	const struct address_list *addresses, int backlog, struct text *why);
/*
 * The same socket under another descriptor: its queue belongs to both, its file still to `other`.
 * A gated one is opened to new connections again, which needs CAP_NET_RAW. 0, or -errno with `why`.
 */
MUST_USE int listener_share(struct listener *listener, const struct listener *other, int backlog,
	struct text *why);

/*
 * No new connection from now on, while all that are queued, and every TCP handshake that has
 * begun, can still be accepted. A new TCP client is refused at once. A socket file is unlinked.
 * What cannot be gated without loss is left as it is, `gated` stays false and 0 is returned: an
 * inherited socket, which queues for its next owner, and an abstract name, which stands as long
 * as its socket. 0 or -errno (-EPERM: Linux before 5.7, or a link-local address without
 * CAP_NET_RAW), and then the service can go on without; may be repeated.
 */
MUST_USE int listener_gate(struct listener *listener);

/* After an exec: its address is what the kernel tells. 0 or -errno. */
MUST_USE int listener_adopt(struct listener *listener);

/* Whether a connection waits to be accepted, now. */
bool listener_waiting(const struct listener *listener);

/* Closes it, and unlinks its socket file if that is still the one that we made. */
void listener_close(struct listener *listener);

#endif
