#include "service/transport_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "service/tls_context.h"
#include "service/tls_facts.h"
#include "service/tls_inquiry.h"

/* Of one client's records in one read, beside what was asked for: what brings no data is not free.
 */
#define EXTRA_MAX ((size_t)32 * 1024)
/* Plain bytes that one write may make into records: the share of a turn. */
#define SLICE ((uint64_t)256 * 1024)
/* What a client may make us say that does not read it. */
#define STUCK_MAX ((size_t)64 * 1024)

struct session {
	struct tls *tls;
	SSL *ssl;
	struct buffer early; /* read from the socket before we were there */
	struct buffer wire;  /* records that the socket had no room for */
	size_t share;	     /* bytes that this read may still take from the socket */
	bool begun;	     /* the client has sent something */
	bool plain;	     /* and it is HTTP */
	bool drained;	     /* the socket was seen empty in this read */
	bool ended;	     /* the client has */
	bool broken;	     /* there is nothing more to be said */
	const char *reason;
};

/* How OpenSSL's bytes come and go. */

/* No method begins with another letter, and no record (RFC 8446 section 5.1) with any. */
static bool is_http(char first)
{
	return first >= 'A' && first <= 'Z';
}

static int take_early(struct session *session, char *bytes, size_t size)
{
	size_t n = session->early.used < size ? session->early.used : size;

	memcpy(bytes, session->early.bytes, n);
	buffer_consume(&session->early, n);
	if (session->early.used == 0)
		buffer_free(&session->early);
	return (int)n;
}

/* As much as is asked for and there is; what is less has emptied the socket (epoll(7)). */
static int take_socket(struct session *session, int fd, char *bytes, size_t size)
{
	ssize_t n = TEMP_FAILURE_RETRY(read(fd, bytes, size));

	session->drained = n < (ssize_t)size && n != 0;
	session->ended = n == 0;
	if (n > 0)
		session->share -= (size_t)n < session->share ? (size_t)n : session->share;
	return n >= 0 || errno == EAGAIN ? (int)n : -2;
}

static int bio_read(BIO *bio, char *bytes, int size)
{
	struct transport *transport = BIO_get_data(bio);
	struct session *session = transport->state;
	int n = -1;

	BIO_clear_retry_flags(bio);
	if (session->early.used != 0)
		n = take_early(session, bytes, (size_t)size);
	else if (session->ended)
		n = 0;
	else if (!session->drained && session->share != 0)
		n = take_socket(session, transport->fd, bytes, (size_t)size);
	if (n > 0 && !session->begun) {
		session->begun = true;
		session->plain = is_http(bytes[0]);
		if (session->plain)
			return -1;
	}
	if (n == -1)
		BIO_set_retry_read(bio);
	return n;
}

/* Never short and never later: send_wire() brings it to the socket. */
static int bio_write(BIO *bio, const char *bytes, int size)
{
	struct transport *transport = BIO_get_data(bio);
	struct session *session = transport->state;

	BIO_clear_retry_flags(bio);
	return buffer_add(&session->tls->wire, bytes, (size_t)size) == 0 ? size : -1;
}

static long bio_control(BIO *bio, int command, UNUSED long number, UNUSED void *pointer)
{
	struct transport *transport = BIO_get_data(bio);
	const struct session *session = transport->state;

	if (command == BIO_CTRL_EOF)
		return session->ended;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *transport_tls_method(void)
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
static int send_stuck(struct session *session, int fd)
{
	ssize_t n = send_bytes(fd, session->wire.bytes, session->wire.used);

	if (n < 0)
		return (int)n;
	buffer_consume(&session->wire, (size_t)n);
	if (session->wire.used == 0)
		buffer_free(&session->wire);
	return 0;
}

/*
 * Everything that was made in this operation; what there is no room for becomes the session's own.
 * 0, or -errno, and then the connection is broken.
 */
static int send_wire(struct transport *transport)
{
	struct session *session = transport->state;
	struct buffer *wire = &session->tls->wire;
	bool waits = session->wire.used != 0;
	ssize_t n = 0;
	int error = 0;

	if (!waits && wire->used != 0)
		n = send_bytes(transport->fd, wire->bytes, wire->used);
	if (n < 0)
		error = (int)n;
	else if ((size_t)n < wire->used)
		error = buffer_add(&session->wire, wire->bytes + n, wire->used - (size_t)n);
	wire->used = 0;
	if (error == 0 && waits)
		error = send_stuck(session, transport->fd);
	transport->stuck = session->wire.used != 0;
	session->broken = session->broken || error != 0;
	return error;
}

/* Reading. */

/* Once, when the handshake is over. */
static void greeted(struct transport *transport)
{
	struct session *session = transport->state;

	transport->greeting = false;
	transport->facts = tls_inquiry(session->ssl);
	session->broken = session->broken || transport->facts == NULL;
}

/* Until there is no more, or as much as was asked for: what the last call said. */
static int read_records(struct session *session, char *bytes, size_t size, size_t *used)
{
	size_t n = 1;
	int outcome = 1;

	*used = 0;
	while (outcome == 1 && *used < size) {
		outcome = SSL_read_ex(session->ssl, bytes + *used, size - *used, &n);
		*used += outcome == 1 ? n : 0;
	}
	return outcome;
}

/* It spoke HTTP, and shall be answered in HTTP. */
static ssize_t become_plain(struct transport *transport)
{
	transport_close(transport);
	transport->kind = &transport_plain;
	return TRANSPORT_TLS_PLAIN;
}

static ssize_t explain(struct transport *transport, int outcome)
{
	struct session *session = transport->state;
	int error = SSL_get_error(session->ssl, outcome);

	if (session->plain)
		return become_plain(transport);
	if (error == SSL_ERROR_WANT_READ)
		return -EAGAIN;
	if (error == SSL_ERROR_ZERO_RETURN || session->ended)
		return 0;
	session->reason = error == SSL_ERROR_SSL ? tls_reason() : "the connection is broken";
	session->broken = true;
	return -EPROTO;
}

/* Whether there is more behind what was read: data, or the end that ended it. */
static bool has_more(const struct session *session, int outcome)
{
	if (!session->drained || session->early.used != 0)
		return true;
	/* Part of a record, for which OpenSSL wants more, is nothing that could be read. */
	return outcome == 1 ? SSL_has_pending(session->ssl) == 1
			    : SSL_get_error(session->ssl, outcome) != SSL_ERROR_WANT_READ;
}

static ssize_t secure_read(struct transport *transport, char *bytes, size_t size)
{
	struct session *session = transport->state;
	size_t used;
	int outcome;
	ssize_t n;

	session->drained = false;
	session->share = size + EXTRA_MAX;
	ERR_clear_error();
	outcome = read_records(session, bytes, size, &used);
	transport->more = has_more(session, outcome);
	n = used != 0 ? (ssize_t)used : explain(transport, outcome);
	ERR_clear_error();
	if (n == TRANSPORT_TLS_PLAIN)
		return n;
	if (transport->greeting && SSL_is_init_finished(session->ssl))
		greeted(transport);
	if (send_wire(transport) != 0 || session->wire.used > STUCK_MAX)
		return -EPIPE;
	return n;
}

static bool secure_has_input(const struct transport *transport)
{
	const struct session *session = transport->state;

	return SSL_pending(session->ssl) > 0 || transport_plain.has_input(transport);
}

/* Writing. */

/* So much of what is going out made into records and sent: its size, or -errno. */
static ssize_t write_piece(struct transport *transport, struct outgoing *out)
{
	struct session *session = transport->state;
	const char *bytes;
	ssize_t size = outgoing_take(out, session->tls->plain, TLS_PLAIN, &bytes);
	size_t n;

	if (size <= 0)
		return size < 0 ? -ENODATA : 0;
	ERR_clear_error();
	if (SSL_write_ex(session->ssl, bytes, (size_t)size, &n) != 1) {
		session->broken = true;
		ERR_clear_error();
	}
	/* Even then: what stays in the worker's buffer would go to the next client. */
	return send_wire(transport) == 0 && !session->broken ? size : -EPIPE;
}

static enum transport_outcome secure_write(struct transport *transport, struct outgoing *out,
	uint64_t *sent)
{
	const struct session *session = transport->state;

	*sent = 0;
	if (session->broken || send_wire(transport) != 0)
		return TRANSPORT_GONE;
	while (!transport->stuck && *sent < SLICE) {
		ssize_t n = write_piece(transport, out);

		if (n < 0)
			return n == -ENODATA ? TRANSPORT_SHORT : TRANSPORT_GONE;
		if (n == 0)
			return TRANSPORT_SENT;
		*sent += (uint64_t)n;
	}
	return transport->stuck ? TRANSPORT_BLOCKED : TRANSPORT_YIELDED;
}

/* The end. */

/* RFC 8446 section 6.1: a client that gets no close_notify knows that it may miss something. */
static void secure_finish(struct transport *transport)
{
	struct session *session = transport->state;

	if (session->broken || transport->greeting || transport->aborted || transport->stuck)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(session->ssl);
	(void)!send_wire(transport);
	session->broken = true;
	ERR_clear_error();
}

static void free_session(struct session *session)
{
	SSL_free(session->ssl);
	buffer_free(&session->early);
	buffer_free(&session->wire);
	free(session);
}

static void secure_close(struct transport *transport)
{
	secure_finish(transport);
	free_session(transport->state);
	transport->state = NULL;
	transport->greeting = false;
	transport->stuck = false;
	tls_facts_release(&transport->facts);
}

static const struct transport_kind transport_tls = {
	.read = secure_read,
	.write = secure_write,
	.has_input = secure_has_input,
	.finish = secure_finish,
	.close = secure_close,
};

/* The beginning. */

static int open_session(struct session *session, struct transport *transport)
{
	BIO *bio;

	session->ssl = SSL_new(session->tls->certificates[0].context);
	bio = session->ssl != NULL ? BIO_new(session->tls->method) : NULL;
	if (bio == NULL)
		return -ENOMEM;
	BIO_set_data(bio, transport);
	BIO_set_init(bio, 1);
	SSL_set_bio(session->ssl, bio, bio);
	SSL_set_accept_state(session->ssl);
	return 0;
}

int transport_tls_start(struct transport *transport, struct tls *tls, struct narwhal_bytes early)
{
	struct session *session = calloc(1, sizeof(*session));
	int error;

	if (session == NULL)
		return -ENOMEM;
	session->tls = tls;
	error = buffer_add(&session->early, early.data, early.size);
	if (error == 0)
		error = open_session(session, transport);
	if (error != 0) {
		free_session(session);
		ERR_clear_error();
		return error;
	}
	transport->kind = &transport_tls;
	transport->state = session;
	transport->greeting = true;
	return 0;
}

bool transport_tls_begun(const struct transport *transport)
{
	const struct session *session = transport->state;

	return session->begun;
}

const char *transport_tls_reason(const struct transport *transport)
{
	const struct session *session = transport->state;

	return session->reason != NULL ? session->reason : "the client has ended it";
}
