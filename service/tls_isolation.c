#include "service/tls_isolation.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "service/tls_context.h"
#include "service/tls_jobs.h"
#include "service/tls_provider.h"
#include "service/tls_session.h"
#include "service/tls_wire.h"
#include "service/transport.h"

int tls_isolate(struct tls *tls)
{
	int error;

	if (tls->signer != NULL)
		return 0;
	tls->signer = malloc(sizeof(*tls->signer));
	if (tls->signer == NULL)
		return -ENOMEM;
	signer_init(tls->signer);
	error = tls_jobs_open();
	return error == 0 ? tls_provider_load() : error;
}

void tls_connect(struct tls *tls, struct loop *loop, int *fd,
	void (*resume)(struct transport *transport))
{
	if (tls != NULL && tls->signer != NULL && *fd >= 0)
		signer_use(tls->signer, loop, fd, resume);
	fd_close(fd);
}

bool tls_lacks_line(const struct tls *tls)
{
	return tls != NULL && tls->signer != NULL && signer_is_lost(tls->signer);
}

bool tls_misses_line(struct tls *tls)
{
	return tls != NULL && tls->signer != NULL && signer_miss(tls->signer);
}

void tls_told(struct tls *tls)
{
	signer_told(tls->signer);
}

uint64_t tls_nearest(const struct tls *tls)
{
	return tls != NULL && tls->signer != NULL ? signer_nearest(tls->signer) : CLOCK_NEVER;
}

void tls_tick(struct tls *tls, uint64_t now_ms)
{
	if (tls != NULL && tls->signer != NULL)
		signer_tick(tls->signer, now_ms);
}

void tls_disown(struct tls *tls)
{
	if (tls != NULL && tls->signer != NULL)
		fd_close(&tls->signer->watch.fd);
}

void tls_isolation_close(struct tls *tls)
{
	if (tls->signer != NULL)
		signer_close(tls->signer);
	free(tls->signer);
}

void tls_isolation_begin(struct tls_session *session)
{
	if (session->tls->signer != NULL)
		(void)SSL_set_mode(session->ssl, SSL_MODE_ASYNC);
}

/* Each read and write would go by a stack of its own. */
void tls_isolation_end(struct tls_session *session)
{
	(void)SSL_clear_mode(session->ssl, SSL_MODE_ASYNC);
}

void tls_isolation_enter(struct transport *transport)
{
	const struct tls_session *session = transport->state;

	if (session->tls->signer != NULL)
		session->tls->signer->current = transport;
}

bool tls_isolation_stands(struct transport *transport, int outcome)
{
	struct tls_session *session = transport->state;
	int error = SSL_get_error(session->ssl, outcome);

	if (error == SSL_ERROR_WANT_ASYNC_JOB)
		signer_wait(session->tls->signer, &session->turn, transport);
	return error == SSL_ERROR_WANT_ASYNC_JOB || error == SSL_ERROR_WANT_ASYNC;
}

/* Its stack comes free only when the handshake has come back from it. */
static void come_back(struct transport *transport)
{
	const struct tls_session *session = transport->state;

	while (SSL_waiting_for_async(session->ssl) == 1) {
		signer_give_up(session->tls->signer, transport);
		if (SSL_do_handshake(session->ssl) == 1)
			break;
	}
}

/* OpenSSL has an alert for a signature that cannot be had: internal_error. */
void tls_isolation_refuse(struct transport *transport)
{
	struct tls_session *session = transport->state;

	if (!transport->aside)
		return;
	transport->aside = false;
	signer_leave(session->tls->signer, &session->turn);
	if (SSL_waiting_for_async(session->ssl) != 1) {
		tls_isolation_end(session); /* without a stack there is no signature, either */
		(void)SSL_do_handshake(session->ssl);
	}
	come_back(transport);
	session->broken = true;
	ERR_clear_error();
	(void)!tls_wire_send(transport);
}

void tls_isolation_abandon(struct transport *transport)
{
	struct tls_session *session = transport->state;

	if (session->tls->signer == NULL)
		return;
	signer_leave(session->tls->signer, &session->turn);
	come_back(transport);
	session->tls->wire.used = 0; /* its last words are nobody's */
	ERR_clear_error();
}
