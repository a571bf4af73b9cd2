/* https.h - what keeps clients from plain HTTP: a redirect away from it, and HSTS (RFC 6797). */
#ifndef SERVICE_HTTPS_H
#define SERVICE_HTTPS_H

#include <stdbool.h>

#include "base/attr.h"
#include "narwhal/service.h"

struct https_rules {
	uint64_t port;	      /* where plain requests are sent to; 0: they are served */
	uint64_t hsts_ms;     /* 0: nothing is said */
	bool hsts_subdomains; /* it is said for them, too */
};

/* Answers a request that did not come by TLS, as trusted proxies tell it, and says so. */
MUST_USE bool https_redirect(const struct https_rules *rules, const struct narwhal_request *request,
	struct narwhal_response *response);
/* Adds Strict-Transport-Security to the answer of one that did, unless it has the field. */
void https_insist(const struct https_rules *rules, const struct narwhal_request *request,
	struct narwhal_response *response);

#endif
