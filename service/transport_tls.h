/*
 * transport_tls.h - TLS between a client and the transport: OpenSSL's, over bytes that we move.
 *
 * It reads as much as has come and writes as much as there is room for, with one system call each,
 * however many records that are. A handshake is a read that has nothing to give yet.
 */
#ifndef SERVICE_TRANSPORT_TLS_H
#define SERVICE_TRANSPORT_TLS_H

#include "base/attr.h"
#include "narwhal/service.h"
#include "service/tls.h"
#include "service/transport.h"

/*
 * From now on the plain transport is one of TLS, and greets; `early` are bytes of the client's that
 * were read already. 0 or -ENOMEM, and then it is plain still.
 */
MUST_USE int transport_tls_start(struct transport *transport, struct tls *tls,
	struct narwhal_bytes early);

/* Of a read: the client speaks HTTP without TLS. The transport is plain again, to tell it so. */
#define TRANSPORT_TLS_PLAIN (-EPROTOTYPE)

/* Whether a greeting client has sent a byte. */
bool transport_tls_begun(const struct transport *transport);
/* Why the last read failed, for people; static text. */
const char *transport_tls_reason(const struct transport *transport);

#endif
