/*
 * tls_wire.h - records between OpenSSL and the socket: as many as there are by one system call.
 *
 * OpenSSL's reads and writes end here (bio(7)). What it reads is bounded for each read of the
 * transport's; what it writes is never short: it lies in the worker's buffer until it is sent. Once
 * the kernel writes the records (tls_kernel.h), what OpenSSL still writes goes to the socket at
 * once.
 */
#ifndef SERVICE_TLS_WIRE_H
#define SERVICE_TLS_WIRE_H

#include <openssl/bio.h>

#include "base/attr.h"

struct tls_session;
struct transport;

/* How OpenSSL's bytes come and go; NULL without memory. */
BIO_METHOD *tls_wire_method(void);
/* From now on the session's go by that transport's socket. 0 or -ENOMEM. */
MUST_USE int tls_wire_attach(struct tls_session *session, struct transport *transport);
/* A read of the transport's begins: it may take so many bytes from the socket, and some more. */
void tls_wire_open(struct tls_session *session, size_t size);
/*
 * Sends everything that was made in this operation; what there is no room for becomes the
 * session's own. 0, or -errno, and then the connection is broken.
 */
MUST_USE int tls_wire_send(struct transport *transport);

#endif
