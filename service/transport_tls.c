#include "service/transport_tls.h"

#include <errno.h>
#include <openssl/err.h>

#include "service/tls_context.h"
#include "service/tls_facts.h"
#include "service/tls_handshake.h"
#include "service/tls_isolation.h"
#include "service/tls_kernel.h"
#include "service/tls_pem.h"
#include "service/tls_session.h"
#include "service/tls_wire.h"

/* Plain bytes that one write may make into records: the share of a turn. */
#define SLICE ((uint64_t)256 * 1024)
/*
 * An answer begins with a small record: the client can read none before it has all of it, and one
 * of 16 KiB needs more than TCP's first window (RFC 6928: 10 segments), a round trip more.
 */
#define FIRST_RECORD ((size_t)4 * 1024)
/* What a client may make us say that does not read it. */
#define STUCK_MAX ((size_t)64 * 1024)

/*
 * OpenSSL asks its thread's queue of errors what an outcome means: nobody's may be left in it.
 * Nearly always it is empty, and to ask costs a tenth of clearing it.
 */
static void forget_errors(void)
{
	if (UNLIKELY(ERR_peek_error() != 0))
		ERR_clear_error();
}

/* What is sent is the kernel's to encrypt. */
static const struct transport_kind transport_tls_by_kernel;

/* Reading. */

/* Whether a read may still bring something: what came in is not all read, or more may have come. */
static bool has_rest(const struct tls_session *session)
{
	return !session->drained || session->early.used != 0 || SSL_has_pending(session->ssl) == 1;
}

/* Until there is no more, or as much as was asked for: what the last call said. */
static int read_records(struct tls_session *session, char *bytes, size_t size, size_t *used)
{
	size_t n = 1;
	int outcome = 1;

	do {
		outcome = SSL_read_ex(session->ssl, bytes + *used, size - *used, &n);
		*used += outcome == 1 ? n : 0;
	} while (outcome == 1 && *used < size && has_rest(session));
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
	struct tls_session *session = transport->state;
	int error = SSL_get_error(session->ssl, outcome);

	if (session->plain)
		return become_plain(transport);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE || transport->aside)
		return -EAGAIN;
	if (error == SSL_ERROR_ZERO_RETURN || session->ended)
		return 0;
	if (session->reason == NULL)
		session->reason =
			error == SSL_ERROR_SSL ? tls_reason() : "the connection is broken";
	session->broken = true;
	return -EPROTO;
}

/* Whether there is more behind what was read: data, or the end that ended it. */
static bool has_more(const struct tls_session *session, int outcome)
{
	/* What OpenSSL has to say first waits for room, of which an edge will tell. */
	if (SSL_want_write(session->ssl))
		return false;
	if (outcome == 1 || !session->drained || session->early.used != 0)
		return has_rest(session);
	/* Part of a record, for which OpenSSL wants more, is nothing that could be read. */
	return SSL_get_error(session->ssl, outcome) != SSL_ERROR_WANT_READ;
}

/* A step of the handshake: behind the last one it is known who writes. */
static int greet(struct transport *transport)
{
	int outcome = tls_handshake_step(transport);

	if (outcome == 1 && tls_kernel_settle(transport->state))
		transport->kind = &transport_tls_by_kernel;
	return outcome;
}

static ssize_t secure_read(struct transport *transport, char *bytes, size_t size)
{
	struct tls_session *session = transport->state;
	size_t used = 0;
	int outcome;
	ssize_t n;

	tls_wire_open(session, size);
	forget_errors();
	outcome = transport->greeting ? greet(transport) : 1;
	if (outcome == 1)
		outcome = read_records(session, bytes, size, &used);
	transport->more = !transport->aside && has_more(session, outcome);
	session->fresh = session->fresh || used != 0;
	n = used != 0 ? (ssize_t)used : explain(transport, outcome);
	forget_errors();
	if (n == TRANSPORT_TLS_PLAIN)
		return n;
	if (tls_wire_send(transport) != 0 || session->wire.used > STUCK_MAX)
		return -EPIPE;
	return n;
}

static bool secure_has_input(const struct transport *transport)
{
	const struct tls_session *session = transport->state;

	return SSL_pending(session->ssl) > 0 || transport_plain.has_input(transport);
}

/* Writing. */

/* Up to so many bytes of what is going out made into records: how many, or -ENODATA. */
static ssize_t write_records(struct tls_session *session, struct outgoing *out, size_t most)
{
	const char *bytes;
	ssize_t size = outgoing_take(out, session->tls->plain, most, &bytes);
	size_t n;

	if (size <= 0)
		return size < 0 ? -ENODATA : 0;
	session->broken = SSL_write_ex(session->ssl, bytes, (size_t)size, &n) != 1;
	return size;
}

/*
 * So much of what is going out made into records and sent: its size, or -errno. It is taken in as
 * many pieces as it lies in: what is in memory behind the first record is not copied.
 */
static ssize_t write_piece(struct transport *transport, struct outgoing *out)
{
	struct tls_session *session = transport->state;
	bool is_long = session->fresh && outgoing_exceeds(out, SSL3_RT_MAX_PLAIN_LENGTH);
	size_t used = 0, most = is_long ? FIRST_RECORD : TLS_PLAIN;
	ssize_t n;

	session->fresh = false;
	forget_errors();
	do {
		n = write_records(session, out, most - used);
		used += n > 0 ? (size_t)n : 0;
		most = TLS_PLAIN;
	} while (n > 0 && used < most && !session->broken && !outgoing_is_empty(out));
	if (session->broken)
		forget_errors();
	/* Even then: what stays in the worker's buffer would go to the next client. */
	if (tls_wire_send(transport) != 0 || session->broken)
		return -EPIPE;
	return used != 0 ? (ssize_t)used : n;
}

static enum transport_outcome secure_write(struct transport *transport, struct outgoing *out,
	uint64_t *sent)
{
	const struct tls_session *session = transport->state;

	*sent = 0;
	if (session->broken || tls_wire_send(transport) != 0)
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
	struct tls_session *session = transport->state;

	if (session->broken || transport->greeting || transport->aborted || transport->stuck)
		return;
	forget_errors();
	(void)SSL_shutdown(session->ssl);
	(void)!tls_wire_send(transport);
	session->broken = true;
	forget_errors();
}

/* The close_notify takes along what the kernel still has, as far as there is room. */
static bool settle_by_kernel(struct transport *transport)
{
	secure_finish(transport);
	return tls_kernel_has_room(transport->fd);
}

static void secure_close(struct transport *transport)
{
	secure_finish(transport);
	tls_isolation_abandon(transport);
	tls_session_free(transport->state);
	transport->state = NULL;
	transport->greeting = false;
	transport->stuck = false;
	transport->aside = false;
	tls_facts_release(&transport->facts);
}

static const struct transport_kind transport_tls = {
	.read = secure_read,
	.write = secure_write,
	.has_input = secure_has_input,
	.finish = secure_finish,
	.close = secure_close,
};

static const struct transport_kind transport_tls_by_kernel = {
	.read = secure_read,
	.write = tls_kernel_write,
	.has_input = secure_has_input,
	.finish = secure_finish,
	.settle = settle_by_kernel,
	.close = secure_close,
};

/* The beginning. */

int transport_tls_start(struct transport *transport, struct tls *tls, struct narwhal_bytes early)
{
	struct tls_session *session = tls_session_new(transport, tls, early);

	if (session == NULL) {
		forget_errors();
		return -ENOMEM;
	}
	transport->kind = &transport_tls;
	transport->state = session;
	transport->greeting = true;
	return 0;
}

bool transport_tls_begun(const struct transport *transport)
{
	const struct tls_session *session = transport->state;

	return session->begun;
}

const char *transport_tls_reason(const struct transport *transport)
{
	const struct tls_session *session = transport->state;

	return session->reason != NULL ? session->reason : "the client has ended it";
}
