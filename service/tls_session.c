#include "service/tls_session.h"

#include <errno.h>
#include <stdlib.h>

#include "service/tls_context.h"
#include "service/tls_isolation.h"
#include "service/tls_wire.h"

static int fill(struct tls_session *session, struct transport *transport,
	struct narwhal_bytes early)
{
	int error = buffer_add(&session->early, early.data, early.size);

	if (error != 0)
		return error;
	session->ssl = SSL_new(session->tls->certificates[0].context);
	if (session->ssl == NULL)
		return -ENOMEM;
	SSL_set_accept_state(session->ssl);
	tls_isolation_begin(session);
	return tls_wire_attach(session, transport);
}

struct tls_session *tls_session_new(struct transport *transport, struct tls *tls,
	struct narwhal_bytes early)
{
	struct tls_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->tls = tls;
	if (fill(session, transport, early) == 0)
		return session;
	tls_session_free(session);
	return NULL;
}

void tls_session_free(struct tls_session *session)
{
	SSL_free(session->ssl);
	buffer_free(&session->early);
	buffer_free(&session->wire);
	free(session);
}
