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
	size_t behind = parts[1].iov_len + parts[2].iov_len, due = parts[0].iov_len + behind;
	int flags = MSG_NOSIGNAL | (out->file_left > parts[2].iov_len ? MSG_MORE : 0);
	ssize_t n;

	if (due == 0)
		return TRANSPORT_SENT;
	n = behind == 0 ? TEMP_FAILURE_RETRY(send(fd, parts[0].iov_base, due, flags))
			: TEMP_FAILURE_RETRY(sendmsg(fd, &all, flags));
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

enum transport_outcome transport_write(int fd, struct outgoing *outgoing, uint64_t *sent)
{
	enum transport_outcome outcome;

	*sent = 0;
	outcome = write_memory(fd, outgoing, sent);
	if (outcome != TRANSPORT_SENT || outgoing->file_left == 0)
		return outcome;
	return outgoing->file->bytes != NULL ? TRANSPORT_YIELDED : write_file(fd, outgoing, sent);
}

ssize_t transport_read(int fd, char *bytes, size_t size)
{
	ssize_t n = TEMP_FAILURE_RETRY(read(fd, bytes, size));

	return n >= 0 ? n : -errno;
}

ssize_t transport_discard(int fd, char *bytes, size_t size)
{
	/* TCP does not even copy them (tcp(7)). */
	ssize_t n = TEMP_FAILURE_RETRY(recv(fd, bytes, size, MSG_TRUNC));

	return n >= 0 ? n : -errno;
}

enum transport_state transport_state(int fd)
{
	struct pollfd socket = {.fd = fd, .events = POLLRDHUP};

	if (poll(&socket, 1, 0) != 1)
		return TRANSPORT_OPEN;
	return (socket.revents & (POLLERR | POLLHUP)) != 0 ? TRANSPORT_BROKEN : TRANSPORT_HALF;
}

bool transport_has_input(int fd)
{
	int bytes;

	return ioctl(fd, SIOCINQ, &bytes) == 0 && bytes > 0;
}

uint32_t transport_unread(int fd)
{
	int bytes;

	return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

void transport_finish(int fd)
{
	(void)shutdown(fd, SHUT_WR); /* ENOTCONN: the client was faster */
}

void transport_abort(int fd)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}
