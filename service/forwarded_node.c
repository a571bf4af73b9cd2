#include "service/forwarded_node.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

/* Longer than any address with its port. */
#define NODE_MAX 64

/* Nothing, or ":" and a number; what is obfuscated is as good as nothing (RFC 7239 section 6). */
static bool read_port(const char *text, in_port_t *port)
{
	uint64_t value = 0;

	if (text[0] == '\0')
		return true;
	if (text[0] != ':')
		return false;
	if (text[1] != '_' && text_to_uint(text + 1, strlen(text + 1), UINT16_MAX, &value) != 0)
		return false;
	*port = htons((uint16_t)value);
	return true;
}

/* "::ffff:192.0.2.1" is the IPv4 client that a proxy's IPv6 socket calls so. */
static bool read_v6(const char *address, const char *port, struct peer *peer)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET6, address, &v6.sin6_addr) != 1 || !read_port(port, &v6.sin6_port))
		return false;
	*peer = (struct peer){.v6 = v6};
	if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
		*peer = (struct peer){.v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port}};
		memcpy(&peer->v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof(struct in_addr));
	}
	return true;
}

bool forwarded_node(struct narwhal_bytes node, struct peer *peer)
{
	char text[NODE_MAX];
	char *end;

	if (node.size == 0 || node.size >= sizeof(text) ||
		memchr(node.data, '\0', node.size) != NULL)
		return false;
	memcpy(text, node.data, node.size);
	text[node.size] = '\0';
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL)
			return false;
		*end = '\0';
		return read_v6(text + 1, end + 1, peer);
	}
	if (read_v6(text, "", peer))
		return true;
	*peer = (struct peer){.v4 = {.sin_family = AF_INET}};
	end = strchr(text, ':');
	if (end != NULL && !read_port(end, &peer->v4.sin_port))
		return false;
	if (end != NULL)
		*end = '\0';
	return inet_pton(AF_INET, text, &peer->v4.sin_addr) == 1;
}
