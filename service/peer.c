#include "service/peer.h"

#include <arpa/inet.h>
#include <string.h>

static char *put_octet(char *at, unsigned octet)
{
	unsigned rest = octet;

	if (octet >= 100) {
		*at++ = (char)('0' + rest / 100);
		rest %= 100;
	}
	if (octet >= 10) {
		*at++ = (char)('0' + rest / 10);
		rest %= 10;
	}
	*at++ = (char)('0' + rest);
	return at;
}

/* inet_ntop(3) goes by way of printf(3), which costs as much as the rest of a log line. */
static void add_v4(struct text *text, const void *address)
{
	const unsigned char *octets = address;
	char *at = text->bytes + text->used;

	if (text->size - text->used < INET_ADDRSTRLEN) {
		text->cut = true;
		return;
	}
	for (size_t i = 0; i < 4; i++) {
		at = put_octet(at, octets[i]);
		*at++ = '.';
	}
	at[-1] = '\0';
	text->used = (size_t)(at - 1 - text->bytes);
}

static void add_v6(struct text *text, const struct in6_addr *address)
{
	char bytes[INET6_ADDRSTRLEN];

	text_add(text, inet_ntop(AF_INET6, address, bytes, sizeof(bytes)) != NULL ? bytes : "?");
}

static bool is_v4_mapped(const struct peer *peer)
{
	return peer->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer->v6.sin6_addr);
}

void peer_write_address(const struct peer *peer, struct text *text)
{
	if (peer->any.sa_family == AF_INET)
		add_v4(text, &peer->v4.sin_addr);
	else if (is_v4_mapped(peer))
		/* An IPv4 client of an IPv6 listener is still an IPv4 client. */
		add_v4(text, &peer->v6.sin6_addr.s6_addr[12]);
	else if (peer->any.sa_family == AF_INET6)
		add_v6(text, &peer->v6.sin6_addr);
	else
		text_add(text, "unix:");
}

void peer_write(const struct peer *peer, struct text *text)
{
	bool v6 = peer->any.sa_family == AF_INET6;
	bool brackets = v6 && !is_v4_mapped(peer);
	in_port_t port = 0;

	if (v6 || peer->any.sa_family == AF_INET)
		port = ntohs(v6 ? peer->v6.sin6_port : peer->v4.sin_port);
	text_add(text, brackets ? "[" : "");
	peer_write_address(peer, text);
	text_add(text, brackets ? "]" : "");
	if (port == 0)
		return;
	text_add_char(text, ':');
	text_add_uint(text, port);
}

const char *peer_print(const struct peer *peer, char bytes[PEER_TEXT_MAX])
{
	struct text text = {.bytes = bytes, .size = PEER_TEXT_MAX};

	bytes[0] = '\0';
	peer_write(peer, &text);
	return bytes;
}

bool peer_same_address(const struct peer *a, const struct peer *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}
