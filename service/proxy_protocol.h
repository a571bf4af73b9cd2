/*
 * proxy_protocol.h - the line or block that a proxy sends before everything else, to say who its
 * client is: the PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt).
 *
 * Pure. Each call looks at all bytes from the connection's first, so the outcome does not depend
 * on how they came. Whether the sender may be believed is not judged here. What v2 tells beside
 * the addresses (TLVs) is skipped.
 */
#ifndef SERVICE_PROXY_PROTOCOL_H
#define SERVICE_PROXY_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "service/peer.h"

/* The words of the setting proxy_protocol, in their order. */
enum proxy_protocol {
	PROXY_PROTOCOL_OFF,
	PROXY_PROTOCOL_V1,
	PROXY_PROTOCOL_V2,
	PROXY_PROTOCOL_AUTO,
};

/* The longest header that is taken; a v1 line is at most 107 bytes by itself. */
#define PROXY_PROTOCOL_MAX 4096

struct proxy_header {
	size_t size;	    /* what follows is the client's */
	bool begun;	    /* the bytes are a header's, whatever follows */
	bool told;	    /* `source` is set; else the connection's own peer is who it is */
	struct peer source; /* the client; of another kind than IP: AF_UNIX */
	const char *reason; /* of a refusal; static */
};

enum proxy_protocol_outcome {
	PROXY_PROTOCOL_MORE,	/* so far it may become one */
	PROXY_PROTOCOL_ABSENT,	/* these bytes begin something else */
	PROXY_PROTOCOL_PRESENT, /* a header */
	PROXY_PROTOCOL_REFUSED, /* it began as one, and is wrong */
};

enum proxy_protocol_outcome proxy_protocol_read(enum proxy_protocol wanted, const char *bytes,
	size_t size, struct proxy_header *header);

#endif
