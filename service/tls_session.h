/*
 * tls_session.h - one client's TLS, OpenSSL's inside: what the parts of the transport share.
 *
 * tls_wire.c brings records from and to the socket, tls_handshake.c makes the handshake of them,
 * and transport_tls.c what comes behind it.
 */
#ifndef SERVICE_TLS_SESSION_H
#define SERVICE_TLS_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buffer.h"
#include "narwhal/service.h"
#include "service/signer.h"
#include "service/tls_hello.h"

struct tls;
struct transport;

struct tls_session {
	struct tls *tls;
	SSL *ssl;
	struct buffer early; /* read from the socket before we were there */
	struct buffer wire;  /* records that the socket had no room for */
	struct tls_hello hello;
	size_t share;		 /* bytes that this read may still take from the socket */
	bool fresh;		 /* nothing was written since the client last sent data */
	bool begun;		 /* the client has sent something */
	bool plain;		 /* and it is HTTP */
	bool drained;		 /* the socket was seen empty in this read */
	bool ended;		 /* the client has */
	bool broken;		 /* there is nothing more to be said */
	struct signer_turn turn; /* where keys are isolated: it waits for its turn to ask */
	const char *reason;
};

/* That of the transport, whose bytes it moves; NULL without memory. Given back by free. */
struct tls_session *tls_session_new(struct transport *transport, struct tls *tls,
	struct narwhal_bytes early);
void tls_session_free(struct tls_session *session);

#endif
