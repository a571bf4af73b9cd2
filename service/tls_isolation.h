/*
 * tls_isolation.h - a worker's TLS without private keys: what it takes once, and of a handshake
 * that stands still meanwhile.
 */
#ifndef SERVICE_TLS_ISOLATION_H
#define SERVICE_TLS_ISOLATION_H

#include <stdbool.h>

#include "base/attr.h"

struct tls;
struct tls_session;
struct transport;

/* Makes ready for keys that are elsewhere, the first time. 0 or -errno. */
MUST_USE int tls_isolate(struct tls *tls);
void tls_isolation_close(struct tls *tls);

/* A session may stand still from now on, until its handshake is over. */
void tls_isolation_begin(struct tls_session *session);
void tls_isolation_end(struct tls_session *session);
/* Before a step of the handshake. */
void tls_isolation_enter(struct transport *transport);
/* Behind one that is not over: whether it waits for others than its client. */
bool tls_isolation_stands(struct transport *transport, int outcome);
/* One that stands still has stood long enough: its client is told so by an alert. */
void tls_isolation_refuse(struct transport *transport);
/* One that stands still is ended, so that nothing of it is left. */
void tls_isolation_abandon(struct transport *transport);

#endif
