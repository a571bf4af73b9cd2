#include "service/peer.h"

#include <arpa/inet.h>

static void add_address(struct text *text, int family, const void *address, in_port_t port)
{
	char bytes[INET6_ADDRSTRLEN];
	bool v6 = family == AF_INET6;

	text_add(text, v6 ? "[" : "");
	text_add(text, inet_ntop(family, address, bytes, sizeof(bytes)) != NULL ? bytes : "?");
	text_add(text, v6 ? "]:" : ":");
	text_add_uint(text, ntohs(port));
}

void peer_write(const struct peer *peer, struct text *text)
{
	const struct in6_addr *v6 = &peer->v6.sin6_addr;

	if (peer->any.sa_family == AF_INET)
		add_address(text, AF_INET, &peer->v4.sin_addr, peer->v4.sin_port);
	else if (peer->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6))
		/* An IPv4 client of an IPv6 listener is still an IPv4 client. */
		add_address(text, AF_INET, &v6->s6_addr[12], peer->v6.sin6_port);
	else if (peer->any.sa_family == AF_INET6)
		add_address(text, AF_INET6, v6, peer->v6.sin6_port);
	else
		text_add(text, "unix:");
}

const char *peer_print(const struct peer *peer, char bytes[PEER_TEXT_MAX])
{
	struct text text = {.bytes = bytes, .size = PEER_TEXT_MAX};

	bytes[0] = '\0';
	peer_write(peer, &text);
	return bytes;
}
