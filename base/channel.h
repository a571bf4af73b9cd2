/*
 * channel.h - the line between the arbiter and one worker: messages.def over a socketpair.
 *
 * SOCK_SEQPACKET keeps messages apart. Who sent a message is known by the descriptor it came on,
 * never by what it says; a message of an unknown type, from the wrong side or of a wrong size is
 * -EBADMSG, and the receiver decides what that costs the sender. Nothing here waits.
 */
#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"

enum message_type {
#define MESSAGE(name, from, most, descriptor, meaning) MESSAGE_##name,
#include "base/messages.def"
#undef MESSAGE
	MESSAGES
};

enum channel_side {
	CHANNEL_ARBITER,
	CHANNEL_WORKER,
};

#define CHANNEL_PAYLOAD_MAX 1024

struct message {
	enum message_type type;
	int fd; /* of a row with FD, close-on-exec, the receiver's to close; else, or without, -1 */
	size_t size;			       /* of the payload */
	char payload[CHANNEL_PAYLOAD_MAX + 1]; /* NUL-terminated, for text */
};

/* Both ends, close-on-exec and non-blocking. 0 or -errno. */
MUST_USE int channel_pair(int *arbiter_fd, int *worker_fd);
/* 0, -EAGAIN when the peer does not read, or -errno. */
MUST_USE int channel_send(int fd, enum message_type type, const void *payload, size_t size);
/* The same, and lends `attached` along: the peer gets a descriptor of its own. */
MUST_USE int channel_send_fd(int fd, enum message_type type, int attached);
/* GIVE: a descriptor, by the name that it has in a heritage. Errors as channel_send(). */
MUST_USE int channel_give(int fd, const char *name, int attached);
/*
 * From now on nobody can send a descriptor to `fd`: -EPERM for the peer. Else it could send a
 * socket whose close(2) lingers, here, for as long as it likes. Linux 6.16; before, nothing
 * happens.
 */
void channel_refuse_fds(int fd);
/*
 * The next message that the side `from` sent: 1; 0 when there is none now; -EPIPE when the peer is
 * gone; -EBADMSG for what is no message of that side's; -EMFILE when its descriptor found no room
 * here, and the message is lost with it.
 */
MUST_USE int channel_receive(int fd, enum channel_side from, struct message *message);

/*
 * Whether what arrives at `fd` says which process sent it, as the kernel knows it: from here on
 * only channel_greet() reads it, until that is no longer wanted. 0 or -errno.
 */
MUST_USE int channel_want_pid(int fd, bool want);
/*
 * The first word of a worker that a zygote has forked, HELLO, and the pid of its sender, in our own
 * pid namespace. Outcomes as channel_receive().
 */
MUST_USE int channel_greet(int fd, pid_t *pid);

#endif
