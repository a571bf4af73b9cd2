#include "base/channel.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"

enum descriptor {
	DESCRIPTOR_ALONE,
	DESCRIPTOR_FD,
};

static const struct {
	enum channel_side from;
	size_t most;
	enum descriptor descriptor;
} rules[MESSAGES] = {
#define MESSAGE(name, from, most, descriptor, meaning) \
	[MESSAGE_##name] = {CHANNEL_##from, (most), DESCRIPTOR_##descriptor},
#include "base/messages.def"
#undef MESSAGE
};

#define MESSAGE(name, from, most, descriptor, meaning) \
	_Static_assert((most) <= CHANNEL_PAYLOAD_MAX, #name " is larger than a payload may be");
#include "base/messages.def"
#undef MESSAGE

int channel_pair(int *arbiter_fd, int *worker_fd)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
		return -errno;
	*arbiter_fd = fds[0];
	*worker_fd = fds[1];
	return 0;
}

/*
 * Room for one descriptor, aligned as cmsg(3) wants it. What a receiver offers is CMSG_LEN: in
 * CMSG_SPACE there is room for two, and the second one would be open and known to nobody.
 */
union ancillary {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void attach(struct msghdr *all, union ancillary *room, int attached)
{
	struct cmsghdr *control;

	all->msg_control = room->bytes;
	all->msg_controllen = sizeof(room->bytes);
	control = CMSG_FIRSTHDR(all);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(attached));
	memcpy(CMSG_DATA(control), &attached, sizeof(attached));
}

static int send_message(int fd, enum message_type type, const void *payload, size_t size,
	int attached)
{
	uint32_t head = (uint32_t)type;
	struct iovec parts[2] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = size},
	};
	union ancillary room = {0};
	struct msghdr all = {.msg_iov = parts, .msg_iovlen = size != 0 ? 2 : 1};

	MUST(size <= rules[type].most);
	if (attached >= 0)
		attach(&all, &room, attached);
	return sendmsg(fd, &all, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? 0 : -errno;
}

int channel_send(int fd, enum message_type type, const void *payload, size_t size)
{
	return send_message(fd, type, payload, size, -1);
}

int channel_send_fd(int fd, enum message_type type, int attached)
{
	return send_message(fd, type, NULL, 0, attached);
}

int channel_give(int fd, const char *name, int attached)
{
	return send_message(fd, MESSAGE_GIVE, name, strlen(name), attached);
}

/* Not in the headers of Debian 12. */
#define PASS_RIGHTS 83

void channel_refuse_fds(int fd)
{
	(void)setsockopt(fd, SOL_SOCKET, PASS_RIGHTS, &(int){0}, sizeof(int));
}

/* The descriptor that came along, or -1. */
static int attached_fd(struct msghdr *all)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(all);
	int fd = -1;

	if (control != NULL && control->cmsg_level == SOL_SOCKET &&
		control->cmsg_type == SCM_RIGHTS && control->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

/* What the kernel lacks for the moment says nothing about the peer: its message is still there. */
static int receive_error(int error)
{
	if (error == EAGAIN || error == EINTR || error == ENOMEM || error == ENOBUFS)
		return 0;
	return error == ECONNRESET ? -EPIPE : -error;
}

/* One was sent along, and there is no number free for it. */
static bool has_lost_fd(const struct msghdr *all, const struct message *message)
{
	return (all->msg_flags & MSG_CTRUNC) != 0 && message->fd < 0;
}

static bool is_in_rules(enum channel_side from, uint32_t type, size_t size, int attached)
{
	return type < MESSAGES && rules[type].from == from && size <= rules[type].most &&
	       (attached < 0 || rules[type].descriptor == DESCRIPTOR_FD);
}

int channel_receive(int fd, enum channel_side from, struct message *message)
{
	uint32_t head;
	struct iovec parts[2] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = message->payload, .iov_len = CHANNEL_PAYLOAD_MAX},
	};
	union ancillary room;
	struct msghdr all = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = room.bytes,
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t n = recvmsg(fd, &all, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	message->fd = -1;
	if (n < 0)
		return receive_error(errno);
	message->fd = attached_fd(&all);
	if (n == 0) { /* an end, or a message of no byte, which may carry a descriptor all the same
		       */
		fd_close(&message->fd);
		return -EPIPE;
	}
	if (has_lost_fd(&all, message))
		return -EMFILE;
	if ((size_t)n < sizeof(head) || (all.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
		!is_in_rules(from, head, (size_t)n - sizeof(head), message->fd)) {
		fd_close(&message->fd);
		return -EBADMSG;
	}
	message->type = (enum message_type)head;
	message->size = (size_t)n - sizeof(head);
	message->payload[message->size] = '\0';
	return 1;
}

int channel_want_pid(int fd, bool want)
{
	return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){want}, sizeof(int)) == 0 ? 0 : -errno;
}

/* Room for credentials alone: a descriptor that comes as well is closed by the kernel. */
union credentials {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(struct ucred))];
};

/* Of who sent it; 0 when the kernel does not say, or when it is in no pid namespace of ours. */
static pid_t sender_of(struct msghdr *all)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(all);
	struct ucred credentials = {0};

	if (control != NULL && control->cmsg_level == SOL_SOCKET &&
		control->cmsg_type == SCM_CREDENTIALS &&
		control->cmsg_len == CMSG_LEN(sizeof(credentials)))
		memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
	return credentials.pid;
}

int channel_greet(int fd, pid_t *pid)
{
	uint32_t head = MESSAGES;
	struct iovec part = {.iov_base = &head, .iov_len = sizeof(head)};
	union credentials room;
	struct msghdr all = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = CMSG_LEN(sizeof(struct ucred)),
	};
	ssize_t n = recvmsg(fd, &all, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return receive_error(errno);
	if (n == 0)
		return -EPIPE;
	*pid = sender_of(&all);
	if (n != sizeof(head) || head != MESSAGE_HELLO || *pid <= 0 ||
		(all.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return -EBADMSG;
	return 1;
}
