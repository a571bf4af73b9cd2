/*
 * tls_kernel.h - the kernel writes the records (kTLS, Documentation/networking/tls.rst): what we
 * send is plain from then on, and files go out by sendfile(2).
 *
 * OpenSSL hands its keys over by itself, to a BIO of its own for the socket, which lies behind
 * ours for that. What it still says itself, tickets and alerts, goes by there, too. The kernel
 * decrypts nothing: what clients send is read as ever.
 */
#ifndef SERVICE_TLS_KERNEL_H
#define SERVICE_TLS_KERNEL_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "service/transport.h"

struct tls_session;

/* Before the handshake: the kernel may take over behind that BIO. 0 or -ENOMEM. */
MUST_USE int tls_kernel_offer(BIO *wire, int fd);
/* Whether it has, so that what is written there goes to the socket as it is. */
bool tls_kernel_writes(BIO *wire);
/* The same when the handshake is over; if not, it never will, and what was offered is freed. */
bool tls_kernel_settle(const struct tls_session *session);

/*
 * Whether the socket has room; or an error, of which the next write tells. A record that was taken,
 * but for which TCP had none, waits in the kernel and is sent later: a close(2) would forget it,
 * and a shutdown(2) cut it off (net/tls/tls_sw.c of Linux 6.1). Where there is room right behind a
 * write, which takes along what is before it, nothing waits.
 */
bool tls_kernel_has_room(int fd);
/* As transport_write(), plain; TRANSPORT_SENT only when there is room again. */
enum transport_outcome tls_kernel_write(struct transport *transport, struct outgoing *outgoing,
	uint64_t *sent);

#endif
