#include "service/tls_handshake.h"

#include "service/tls_context.h"
#include "service/tls_inquiry.h"
#include "service/tls_isolation.h"
#include "service/tls_session.h"
#include "service/transport.h"

static void count(const struct tls_session *session)
{
	struct page *page = session->tls->page;
	bool resumed = SSL_session_reused(session->ssl) != 0;

	if (page != NULL)
		page_count(&page->handshakes[resumed ? PAGE_HANDSHAKE_RESUMED
						     : PAGE_HANDSHAKE_FULL],
			1);
}

/* Once, when it is over. */
static void greeted(struct transport *transport)
{
	struct tls_session *session = transport->state;

	transport->greeting = false;
	count(session);
	tls_isolation_end(session);
	transport->facts = tls_inquiry(session->ssl);
	session->broken = session->broken || transport->facts == NULL;
}

int tls_handshake_step(struct transport *transport)
{
	struct tls_session *session = transport->state;
	int outcome;

	tls_isolation_enter(transport);
	outcome = SSL_do_handshake(session->ssl);
	transport->aside = outcome != 1 && tls_isolation_stands(transport, outcome);
	if (outcome == 1)
		greeted(transport);
	return outcome;
}
