/* peer.h - who is at the other end of a connection, small enough to keep for each. */
#ifndef SERVICE_PEER_H
#define SERVICE_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/text.h"

struct tls_facts;

struct peer {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	bool forwards; /* it is believed what it says of others, and gives ids to requests */
	struct tls_facts *tls; /* borrowed; NULL: its connection is none of TLS */
};

/* Room for the longest: "[...%4294967295]:65535". */
#define PEER_TEXT_MAX (INET6_ADDRSTRLEN + 24)

/* "192.0.2.1:4711", "[2001:db8::1]:4711" or "unix:"; a port of 0 is not known, and left out. */
void peer_write(const struct peer *peer, struct text *text);
/* The same into `bytes`, which are returned, NUL-terminated. */
const char *peer_print(const struct peer *peer, char bytes[PEER_TEXT_MAX]);
/* The address alone: "192.0.2.1", "2001:db8::1" or "unix:". */
void peer_write_address(const struct peer *peer, struct text *text);
/* Whether both are at one address, whatever their ports. */
PURE bool peer_same_address(const struct peer *a, const struct peer *b);

#endif
