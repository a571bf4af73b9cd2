/*
 * tls_facts.h - what is known of a connection's TLS when its handshake is over, for who asks later:
 * apps, the access log. Plain text, shared by counting: a request may outlive its connection.
 */
#ifndef SERVICE_TLS_FACTS_H
#define SERVICE_TLS_FACTS_H

#include <stddef.h>

#include "narwhal/service.h"

struct tls_facts {
	unsigned uses;
	struct narwhal_bytes fact[NARWHAL_TLS_FACTS]; /* no data: there is none */
	char bytes[];				      /* that they borrow from */
};

/* May be NULL, as it is of a connection without TLS. */
struct tls_facts *tls_facts_hold(struct tls_facts *facts);
/* Leaves NULL. */
void tls_facts_release(struct tls_facts **facts);

#endif
