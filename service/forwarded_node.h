/*
 * forwarded_node.h - the address in a proxy's word of where a request came from. Pure.
 */
#ifndef SERVICE_FORWARDED_NODE_H
#define SERVICE_FORWARDED_NODE_H

#include <stdbool.h>

#include "base/attr.h"
#include "narwhal/service.h"
#include "service/peer.h"

/*
 * A node (RFC 7239 section 6) that is an address: IPv4, IPv6 with brackets or, in X-Forwarded-For,
 * without; port 0 where none is told. False for one that is unknown or obfuscated, and for none.
 */
MUST_USE bool forwarded_node(struct narwhal_bytes node, struct peer *peer);

#endif
