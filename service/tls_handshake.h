/*
 * tls_handshake.h - what comes before the first byte of a request: one step for each read.
 *
 * Nothing waits here: a step does what the client's bytes so far allow.
 */
#ifndef SERVICE_TLS_HANDSHAKE_H
#define SERVICE_TLS_HANDSHAKE_H

#include "base/attr.h"

struct transport;

/* 1 when it is over: the transport greets no more. Otherwise as SSL_do_handshake(3). */
MUST_USE int tls_handshake_step(struct transport *transport);

#endif
