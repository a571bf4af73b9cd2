#include "service/tls_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "service/tls_context.h"
#include "service/tls_kernel.h"
#include "service/tls_session.h"
#include "service/transport.h"

/* Of one client's records in one read, beside what was asked for: what brings no data is not free.
 */
#define EXTRA_MAX ((size_t)32 * 1024)

/* No method begins with another letter, and no record (RFC 8446 section 5.1) with any. */
static bool is_http(char first)
{
	return first >= 'A' && first <= 'Z';
}

static int take_early(struct tls_session *session, char *bytes, size_t size)
{
	size_t n = session->early.used < size ? session->early.used : size;

	memcpy(bytes, session->early.bytes, n);
	buffer_consume(&session->early, n);
	if (session->early.used == 0)
		buffer_free(&session->early);
	return (int)n;
}

/* As much as is asked for and there is; what is less has emptied the socket (epoll(7)). */
static int take_socket(struct tls_session *session, int fd, char *bytes, size_t size)
{
	ssize_t n = TEMP_FAILURE_RETRY(read(fd, bytes, size));

	session->drained = n < (ssize_t)size && n != 0;
	session->ended = n == 0;
	if (n > 0)
		session->share -= (size_t)n < session->share ? (size_t)n : session->share;
	return n >= 0 || errno == EAGAIN ? (int)n : -2;
}

static int take(struct tls_session *session, int fd, char *bytes, size_t size)
{
	if (session->early.used != 0)
		return take_early(session, bytes, size);
	if (session->ended)
		return 0;
	return session->drained || session->share == 0 ? -1 : take_socket(session, fd, bytes, size);
}

/* In plain text (RFC 8446 section 5.1): a fatal illegal_parameter, as OpenSSL has it for its limit.
 */
static void refuse_hello(struct tls_session *session)
{
	static const char alert[] = "\x15\x03\x03\x00\x02\x02\x2f";

	session->reason = "the ClientHello is larger than 16 KiB";
	(void)!buffer_add(&session->tls->wire, alert, sizeof(alert) - 1);
}

/* Whether OpenSSL may see bytes that came before the handshake is over. */
static bool is_welcome(struct tls_session *session, const char *bytes, size_t size)
{
	if (!session->begun) {
		session->begun = true;
		session->plain = is_http(bytes[0]);
	}
	if (session->plain)
		return false;
	/* TLS 1.2, once it is agreed upon, has no second hello, but records like one. */
	if (SSL_version(session->ssl) != TLS1_3_VERSION ||
		!tls_hello_exceeds(&session->hello, bytes, size))
		return true;
	refuse_hello(session);
	return false;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
	struct transport *transport = BIO_get_data(bio);
	struct tls_session *session = transport->state;
	int n = take(session, transport->fd, bytes, (size_t)size);

	BIO_clear_retry_flags(bio);
	if (n > 0 && transport->greeting && !is_welcome(session, bytes, (size_t)n))
		return -1;
	if (n == -1)
		BIO_set_retry_read(bio);
	return n;
}

/* Of OpenSSL's own, and plain; where the socket has no room, it comes again. */
static int write_by_kernel(BIO *bio, const char *bytes, int size)
{
	int n = BIO_write(BIO_next(bio), bytes, size);

	BIO_copy_next_retry(bio);
	return n;
}

/* Never short and never later: tls_wire_send() brings it to the socket. */
static int bio_write(BIO *bio, const char *bytes, int size)
{
	struct transport *transport = BIO_get_data(bio);
	struct tls_session *session = transport->state;

	BIO_clear_retry_flags(bio);
	if (UNLIKELY(tls_kernel_writes(bio)))
		return write_by_kernel(bio, bytes, size);
	return buffer_add(&session->tls->wire, bytes, (size_t)size) == 0 ? size : -1;
}

/* What the kernel is to take over begins behind what we have made: that must be gone. */
static int flush(struct transport *transport, const BIO *next)
{
	return next == NULL || tls_wire_send(transport) == 0;
}

/* As of any BIO that stands before another: what it does not know is meant for that one. */
static long pass_on(const struct tls_session *session, BIO *next, int command, long number,
	void *pointer)
{
	if (next == NULL || session->tls->wire.used != 0 || session->wire.used != 0)
		return 0;
	return BIO_ctrl(next, command, number, pointer);
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	struct transport *transport = BIO_get_data(bio);
	const struct tls_session *session = transport->state;

	switch (command) {
	case BIO_CTRL_EOF:
		return session->ended;
	case BIO_CTRL_FLUSH:
		return flush(transport, BIO_next(bio));
	case BIO_CTRL_PUSH:
	case BIO_CTRL_POP:
		return 0;
	default:
		return pass_on(session, BIO_next(bio), command, number, pointer);
	}
}

BIO_METHOD *tls_wire_method(void)
{
	BIO_METHOD *method =
		BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "narwhal transport");

	if (method == NULL)
		return NULL;
	(void)BIO_meth_set_read(method, bio_read);
	(void)BIO_meth_set_write(method, bio_write);
	(void)BIO_meth_set_ctrl(method, bio_control);
	return method;
}

static BIO *new_bio(const struct tls *tls, struct transport *transport)
{
	BIO *bio = BIO_new(tls->method);

	if (bio == NULL)
		return NULL;
	BIO_set_data(bio, transport);
	BIO_set_init(bio, 1);
	return bio;
}

/* Two: behind the one that reads there is nothing to which the kernel could be asked to decrypt. */
static int attach_for_kernel(struct tls_session *session, struct transport *transport)
{
	BIO *in = new_bio(session->tls, transport), *out = new_bio(session->tls, transport);

	if (in != NULL && out != NULL && tls_kernel_offer(out, transport->fd) == 0) {
		SSL_set_bio(session->ssl, in, out);
		return 0;
	}
	(void)BIO_free(in);
	(void)BIO_free(out);
	return -ENOMEM;
}

int tls_wire_attach(struct tls_session *session, struct transport *transport)
{
	BIO *bio;

	if (session->tls->kernel)
		return attach_for_kernel(session, transport);
	bio = new_bio(session->tls, transport);
	if (bio == NULL)
		return -ENOMEM;
	SSL_set_bio(session->ssl, bio, bio);
	return 0;
}

void tls_wire_open(struct tls_session *session, size_t size)
{
	session->drained = false;
	session->share = size + EXTRA_MAX;
}

/* What the kernel takes of the bytes, or -errno. */
static ssize_t send_bytes(int fd, const char *bytes, size_t size)
{
	struct iovec all = {(char *)(uintptr_t)bytes, size};
	const struct msghdr message = {.msg_iov = &all, .msg_iovlen = 1};
	ssize_t n = TEMP_FAILURE_RETRY(sendmsg(fd, &message, MSG_NOSIGNAL));

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

/* The records that wait, in their order. */
static int send_stuck(struct tls_session *session, int fd)
{
	ssize_t n = send_bytes(fd, session->wire.bytes, session->wire.used);

	if (n < 0)
		return (int)n;
	buffer_consume(&session->wire, (size_t)n);
	if (session->wire.used == 0)
		buffer_free(&session->wire);
	return 0;
}

/* What the socket had no room for is the session's own: no larger than that, as it may stay long.
 */
static int keep_rest(struct tls_session *session, const char *bytes, size_t size)
{
	int error = buffer_reserve_exactly(&session->wire, size);

	return error == 0 ? buffer_add(&session->wire, bytes, size) : error;
}

int tls_wire_send(struct transport *transport)
{
	struct tls_session *session = transport->state;
	struct buffer *wire = &session->tls->wire;
	bool waits = session->wire.used != 0;
	ssize_t n = 0;
	int error = 0;

	if (!waits && wire->used != 0)
		n = send_bytes(transport->fd, wire->bytes, wire->used);
	if (n < 0)
		error = (int)n;
	else if ((size_t)n < wire->used)
		error = keep_rest(session, wire->bytes + n, wire->used - (size_t)n);
	wire->used = 0;
	if (error == 0 && waits)
		error = send_stuck(session, transport->fd);
	transport->stuck = session->wire.used != 0 || SSL_want_write(session->ssl);
	session->broken = session->broken || error != 0;
	return error;
}
