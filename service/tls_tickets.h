/*
 * tls_tickets.h - session tickets (RFC 5077, RFC 8446 section 4.6.1) by the keys that all workers
 * have (base/ticket_keys.h). OpenSSL's, inside.
 *
 * A ticket holds the whole session: nothing is kept here. It is good under the rules alone by which
 * the session was made, no longer than the client's certificate, and no longer behind the handshake
 * in full than one ticket is. Early data is not accepted, and in TLS 1.3 there is a new key
 * exchange each time.
 */
#ifndef SERVICE_TLS_TICKETS_H
#define SERVICE_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"
#include "base/ticket_keys.h"

#define TLS_DIGEST_SIZE 32

struct tls_tickets {
	const struct ticket_keys *keys; /* mapped; NULL: OpenSSL's own, good at this worker alone */
	EVP_CIPHER *cipher;
};

/* Takes *fd, which may be 0: no keys. 0, or -errno with `why`. */
MUST_USE int tls_tickets_open(struct tls_tickets *tickets, int *fd, struct text *why);
void tls_tickets_close(struct tls_tickets *tickets);

/*
 * As the settings say. `authorities` is a digest of who vouches for clients: a session that was let
 * in by others, or by other rules, is none here. `tickets` stays where it is.
 */
MUST_USE int tls_tickets_use(const struct tls_tickets *tickets, SSL_CTX *context,
	const struct settings *settings, const unsigned char authorities[TLS_DIGEST_SIZE]);

#endif
