#include "base/channel.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

static const struct {
	enum channel_side from;
	size_t most;
} rules[MESSAGES] = {
#define MESSAGE(name, from, most, meaning) [MESSAGE_##name] = {CHANNEL_##from, (most)},
#include "base/messages.def"
#undef MESSAGE
};

#define MESSAGE(name, from, most, meaning) \
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

int channel_send(int fd, enum message_type type, const void *payload, size_t size)
{
	uint32_t head = (uint32_t)type;
	struct iovec parts[2] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = (void *)(uintptr_t)payload, .iov_len = size},
	};
	struct msghdr all = {.msg_iov = parts, .msg_iovlen = size != 0 ? 2 : 1};

	MUST(size <= rules[type].most);
	return sendmsg(fd, &all, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? 0 : -errno;
}

int channel_receive(int fd, enum channel_side from, struct message *message)
{
	uint32_t head;
	struct iovec parts[2] = {
		{.iov_base = &head, .iov_len = sizeof(head)},
		{.iov_base = message->payload, .iov_len = CHANNEL_PAYLOAD_MAX},
	};
	/* No control buffer: descriptors that a peer sends along are closed by the kernel. */
	struct msghdr all = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n = recvmsg(fd, &all, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0
		       : errno == ECONNRESET		 ? -EPIPE
							 : -errno;
	if (n == 0)
		return -EPIPE;
	if ((size_t)n < sizeof(head) || (all.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
		head >= MESSAGES || rules[head].from != from ||
		(size_t)n - sizeof(head) > rules[head].most)
		return -EBADMSG;
	message->type = (enum message_type)head;
	message->size = (size_t)n - sizeof(head);
	message->payload[message->size] = '\0';
	return 1;
}
