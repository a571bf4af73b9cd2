#include "service/tls_kernel.h"

#include <errno.h>
#include <poll.h>

#include "base/page.h"
#include "service/tls_context.h"
#include "service/tls_session.h"

int tls_kernel_offer(BIO *wire, int fd)
{
	/* It sets TCP_ULP; where the kernel does not want that, it will take no keys either. */
	BIO *socket = BIO_new_socket(fd, BIO_NOCLOSE);

	if (socket == NULL)
		return -ENOMEM;
	(void)BIO_push(wire, socket);
	return 0;
}

bool tls_kernel_writes(BIO *wire)
{
	BIO *socket = BIO_next(wire);

	return socket != NULL && BIO_get_ktls_send(socket);
}

static void count(struct page *page)
{
	if (page != NULL)
		page_count(&page->kernel_tls, 1);
}

bool tls_kernel_settle(const struct tls_session *session)
{
	BIO *wire = SSL_get_wbio(session->ssl), *socket = BIO_next(wire);

	if (socket == NULL)
		return false;
	if (BIO_get_ktls_send(socket)) {
		count(session->tls->page);
		return true;
	}
	(void)BIO_pop(socket);
	(void)BIO_free(socket);
	return false;
}

bool tls_kernel_has_room(int fd)
{
	struct pollfd socket = {.fd = fd, .events = POLLOUT};

	return poll(&socket, 1, 0) == 1;
}

enum transport_outcome tls_kernel_write(struct transport *transport, struct outgoing *outgoing,
	uint64_t *sent)
{
	enum transport_outcome outcome = transport_plain.write(transport, outgoing, sent);

	return outcome == TRANSPORT_SENT && !tls_kernel_has_room(transport->fd) ? TRANSPORT_BLOCKED
										: outcome;
}
