/*
 * preface.h - what stands before a connection's first request: a PROXY protocol header, where one
 * is due, and nothing where it is not.
 *
 * Pure. A header that is due is never guessed at, and one of somebody who is not trusted to send
 * it is never taken: both end in a refusal that says so.
 */
#ifndef SERVICE_PREFACE_H
#define SERVICE_PREFACE_H

#include "narwhal/service.h"
#include "service/peer.h"
#include "service/proxy_protocol.h"

enum preface {
	PREFACE_NONE,	   /* the next byte is a request's */
	PREFACE_DUE,	   /* a header comes first */
	PREFACE_FORBIDDEN, /* what looks like a header is refused */
};

enum preface_outcome {
	PREFACE_MORE,	 /* not enough bytes to say */
	PREFACE_READ,	 /* `size` bytes of it, perhaps none; `peer` is who the client is */
	PREFACE_REFUSED, /* 400, with this reason */
};

struct preface_result {
	size_t size;
	const char *reason;
};

/* Which one a peer owes, if that is the setting proxy_protocol. */
enum preface preface_of(enum proxy_protocol wanted, bool trusted);
/* `bytes` are all from the connection's first; *peer is replaced if the header names another. */
enum preface_outcome preface_read(enum preface preface, enum proxy_protocol wanted,
	struct narwhal_bytes bytes, struct peer *peer, struct preface_result *result);

#endif
