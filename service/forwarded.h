/*
 * forwarded.h - who the client is, and what it asked for, as trusted proxies tell it: Forwarded
 * (RFC 7239) and X-Forwarded-For, -Proto and -Host.
 *
 * Each proxy adds behind what it was sent, so a chain is believed from its end as far as trusted
 * proxies go: the client is the last address that is none of theirs. Pure; to be called only when
 * the peer itself is trusted.
 */
#ifndef SERVICE_FORWARDED_H
#define SERVICE_FORWARDED_H

#include <stdbool.h>

#include "base/cidr.h"
#include "service/peer.h"
#include "service/request.h"

struct forwarded {
	bool has_client;
	struct peer client;	  /* port 0: not told */
	const char *scheme;	  /* "http", "https", or NULL: not told; static */
	struct request_span host; /* with the port, valid as a Host; size 0: not told */
};

/* Whether an address is one of the trusted; a unix socket always is. */
bool forwarded_trusts(const struct cidr_list *trusted, const struct peer *peer) PURE;
/* Whether there is a field that is read here at all. */
bool forwarded_is_told(const struct request *request, const char *bytes) PURE;
/* NULL, or the reason to refuse the request with 400: malformed, or two that contradict. */
MUST_USE const char *forwarded_read(const struct request *request, const char *bytes,
	const struct cidr_list *trusted, struct forwarded *forwarded);

#endif
