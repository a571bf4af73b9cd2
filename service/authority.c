#include "service/authority.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "service/octet.h"

/* port = *DIGIT: it may be empty, and zeros may stand in front. */
static bool authority_port(const char *bytes, size_t size)
{
	uint64_t port;

	if (octet_span(bytes, 0, size, OCTET_DIGIT) != size)
		return false;
	return size < sizeof("9999") || text_to_uint(bytes, size, UINT16_MAX, &port) == 0;
}

/* The size of "[...]", or 0 when that is no IPv6 address. Rare, and not to be paid for by names. */
__attribute__((noinline, cold)) static size_t authority_bracket(const char *bytes, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr parsed;
	const char *end = memchr(bytes, ']', size);
	size_t inside = end == NULL ? 0 : (size_t)(end - bytes) - 1;

	if (inside == 0 || inside >= sizeof(address))
		return 0;
	memcpy(address, bytes + 1, inside);
	address[inside] = '\0';
	return inet_pton(AF_INET6, address, &parsed) == 1 ? inside + 2 : 0;
}

/* The size of a reg-name, or 0 when a "%" does not begin a pct-encoded octet. */
static size_t authority_name(const char *bytes, size_t size)
{
	size_t at = octet_span(bytes, 0, size, OCTET_HOST);

	while (at < size && bytes[at] == '%') {
		if (size - at < 3 || octet_hex(bytes[at + 1]) < 0 || octet_hex(bytes[at + 2]) < 0)
			return 0;
		at = octet_span(bytes, at + 3, size, OCTET_HOST);
	}
	return at;
}

bool authority_valid(const char *bytes, size_t size)
{
	size_t host;

	if (size == 0)
		return false;
	host = bytes[0] == '[' ? authority_bracket(bytes, size) : authority_name(bytes, size);
	if (host == 0 || host == size)
		return host != 0;
	return bytes[host] == ':' && authority_port(bytes + host + 1, size - host - 1);
}
