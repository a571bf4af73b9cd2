#include "service/transport.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* One connection's share of a turn: others wait while the kernel copies. */
#define SLICE ((size_t)2048 * 1024)

/* Of a file that lies in memory: this turn's share. */
static struct iovec file_part(const struct outgoing *out)
{
	struct iovec part = {NULL, 0};

	if (out->file_left != 0 && out->file->bytes != NULL) {
		part.iov_base = out->file->bytes + out->file_at;
		part.iov_len = out->file_left < SLICE ? (size_t)out->file_left : SLICE;
	}
	return part;
}

/* So many bytes of the three parts were sent, from the first on. */
static void advance(struct outgoing *out, const struct iovec parts[3], size_t n)
{
	size_t bytes = n < parts[0].iov_len ? n : parts[0].iov_len;
	size_t body = n - bytes < parts[1].iov_len ? n - bytes : parts[1].iov_len;
	size_t file = n - bytes - body;

	out->bytes_sent += bytes;
	out->body_sent += body;
	out->file_at += (off_t)file;
	out->file_left -= file;
}

/* Memory first: in one call, and joined with the file that follows. */
static enum transport_outcome write_memory(int fd, struct outgoing *out, uint64_t *sent)
{
	struct iovec parts[3] = {
		{out->bytes.bytes + out->bytes_sent, out->bytes.used - out->bytes_sent},
		{out->body.bytes + out->body_sent, out->body.used - out->body_sent},
		file_part(out),
	};
	struct msghdr all = {.msg_iov = parts, .msg_iovlen = COUNT_OF(parts)};
	size_t due = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
	int flags = MSG_NOSIGNAL | (out->file_left > parts[2].iov_len ? MSG_MORE : 0);
	ssize_t n;

	if (due == 0)
		return TRANSPORT_SENT;
	n = TEMP_FAILURE_RETRY(sendmsg(fd, &all, flags));
	if (n < 0)
		return errno == EAGAIN ? TRANSPORT_BLOCKED : TRANSPORT_GONE;
	advance(out, parts, (size_t)n);
	*sent += (size_t)n;
	/* A short write means a full socket: asking again would only give EAGAIN. */
	return (size_t)n == due ? TRANSPORT_SENT : TRANSPORT_BLOCKED;
}

static enum transport_outcome write_file(int fd, struct outgoing *out, uint64_t *sent)
{
	size_t share = SLICE;

	while (out->file_left != 0) {
		size_t size = out->file_left < share ? (size_t)out->file_left : share;
		ssize_t n;

		if (size == 0)
			return TRANSPORT_YIELDED;
		n = TEMP_FAILURE_RETRY(sendfile(fd, out->file->fd, &out->file_at, size));
		if (n == 0 || (n < 0 && (errno == EIO || errno == EINVAL)))
			return TRANSPORT_SHORT;
		if (n < 0)
			return errno == EAGAIN ? TRANSPORT_BLOCKED : TRANSPORT_GONE;
		out->file_left -= (size_t)n;
		share -= (size_t)n;
		*sent += (size_t)n;
	}
	return TRANSPORT_SENT;
}

static enum transport_outcome plain_write(struct transport *transport, struct outgoing *outgoing,
	uint64_t *sent)
{
	enum transport_outcome outcome;
	int fd = transport->fd;

	*sent = 0;
	outcome = write_memory(fd, outgoing, sent);
	if (outcome != TRANSPORT_SENT || outgoing->file_left == 0)
		return outcome;
	return outgoing->file->bytes != NULL ? TRANSPORT_YIELDED : write_file(fd, outgoing, sent);
}

static ssize_t plain_read(struct transport *transport, char *bytes, size_t size)
{
	ssize_t n = TEMP_FAILURE_RETRY(read(transport->fd, bytes, size));

	/* A short read has emptied the socket: the next edge will tell of more (epoll(7)). */
	transport->more = n == (ssize_t)size;
	return n >= 0 ? n : -errno;
}

static bool plain_has_input(const struct transport *transport)
{
	int bytes;

	return ioctl(transport->fd, SIOCINQ, &bytes) == 0 && bytes > 0;
}

const struct transport_kind transport_plain = {
	.read = plain_read,
	.write = plain_write,
	.has_input = plain_has_input,
};

ssize_t transport_discard(struct transport *transport, char *bytes, size_t size)
{
	struct iovec room = {bytes, size};
	struct msghdr all = {.msg_iov = &room, .msg_iovlen = 1};
	/* TCP does not even copy them (tcp(7)). */
	ssize_t n = TEMP_FAILURE_RETRY(recvmsg(transport->fd, &all, MSG_TRUNC | MSG_CMSG_CLOEXEC));

	return n >= 0 ? n : -errno;
}

ssize_t transport_skip(struct transport *transport, char *bytes, size_t size)
{
	ssize_t n;

	if (transport->kind != &transport_plain)
		return transport_read(transport, bytes, size);
	n = transport_discard(transport, bytes, size);
	transport->more = n == (ssize_t)size;
	return n;
}

enum transport_state transport_state(const struct transport *transport)
{
	struct pollfd socket = {.fd = transport->fd, .events = POLLRDHUP};

	if (poll(&socket, 1, 0) != 1)
		return TRANSPORT_OPEN;
	return (socket.revents & (POLLERR | POLLHUP)) != 0 ? TRANSPORT_BROKEN : TRANSPORT_HALF;
}

bool transport_has_input(const struct transport *transport)
{
	return transport->kind->has_input(transport);
}

uint32_t transport_unread(const struct transport *transport)
{
	int bytes;

	return ioctl(transport->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

bool transport_settle(struct transport *transport)
{
	return transport->kind->settle == NULL || transport->kind->settle(transport);
}

void transport_finish(struct transport *transport)
{
	if (transport->kind->finish != NULL)
		transport->kind->finish(transport);
	if (transport_settle(transport))
		(void)shutdown(transport->fd, SHUT_WR); /* ENOTCONN: the client was faster */
}

void transport_abort(struct transport *transport)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	transport->aborted = true;
	(void)setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void transport_close(struct transport *transport)
{
	if (transport->kind->close != NULL)
		transport->kind->close(transport);
}
