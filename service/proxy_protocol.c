#include "service/proxy_protocol.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"

#define LINE_MAX_SIZE                                                               \
	107 /* with CRLF: "enough to store all the line and a trailing zero" is 108 \
	     */

static enum proxy_protocol_outcome refuse(struct proxy_header *header, const char *reason)
{
	header->reason = reason;
	return PROXY_PROTOCOL_REFUSED;
}

/* The next word of a line with single spaces between; its end becomes a NUL. NULL: there is none.
 */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *space;

	if (word == NULL)
		return NULL;
	space = strchr(word, ' ');
	*rest = space != NULL ? space + 1 : NULL;
	if (space != NULL)
		*space = '\0';
	return word;
}

static bool read_port(const char *word, in_port_t *port)
{
	size_t size = strlen(word);
	uint64_t value;

	if ((size > 1 && word[0] == '0') || text_to_uint(word, size, UINT16_MAX, &value) != 0)
		return false;
	*port = htons((uint16_t)value);
	return true;
}

/* "SOURCE DESTINATION PORT PORT", all four of them and nothing else. */
static bool read_endpoints(int family, char *rest, struct peer *source)
{
	char *from = next_word(&rest), *to = next_word(&rest);
	char *from_port = next_word(&rest), *to_port = next_word(&rest);
	struct in6_addr ignored;
	in_port_t ignored_port;
	bool v4 = family == AF_INET;

	if (to_port == NULL || rest != NULL || inet_pton(family, to, &ignored) != 1 ||
		!read_port(to_port, &ignored_port))
		return false;
	*source = (struct peer){.any = {.sa_family = (sa_family_t)family}};
	return inet_pton(family, from,
		       v4 ? (void *)&source->v4.sin_addr : (void *)&source->v6.sin6_addr) == 1 &&
	       read_port(from_port, v4 ? &source->v4.sin_port : &source->v6.sin6_port);
}

/* What stands behind "PROXY ", without CRLF. */
static bool read_line(char *rest, struct proxy_header *header)
{
	const char *protocol = next_word(&rest);

	if (strcmp(protocol, "UNKNOWN") == 0)
		return true; /* "the receiver must ignore anything presented before the CRLF" */
	header->told = strcmp(protocol, "TCP4") == 0 || strcmp(protocol, "TCP6") == 0;
	return header->told &&
	       read_endpoints(protocol[3] == '4' ? AF_INET : AF_INET6, rest, &header->source);
}

static enum proxy_protocol_outcome read_v1(const char *bytes, size_t size,
	struct proxy_header *header)
{
	static const char begin[] = "PROXY ";
	size_t most = size < LINE_MAX_SIZE ? size : LINE_MAX_SIZE;
	const char *end = memchr(bytes, '\n', most);
	char line[LINE_MAX_SIZE + 1];
	size_t length;

	if (end == NULL && size < LINE_MAX_SIZE)
		return PROXY_PROTOCOL_MORE;
	if (end == NULL || end[-1] != '\r')
		return refuse(header, "a PROXY protocol line without CRLF");
	length = (size_t)(end - bytes) - 1;
	if (memchr(bytes, '\0', length) != NULL)
		return refuse(header, "a malformed PROXY protocol line");
	memcpy(line, bytes, length);
	line[length] = '\0';
	header->size = length + 2;
	return read_line(line + sizeof(begin) - 1, header)
		       ? PROXY_PROTOCOL_PRESENT
		       : refuse(header, "a malformed PROXY protocol line");
}

/* Section 2.2, the 13th to the 16th byte, and what stands behind them. */
struct block {
	unsigned version, command, family, transport;
	size_t size;
	const char *addresses;
};

enum {
	COMMAND_LOCAL,
	COMMAND_PROXY,
	COMMANDS,
};

#define BLOCK_HEAD 16
#define TRANSPORTS 3 /* unspecified, stream, datagram */

static const struct {
	sa_family_t family;
	size_t size; /* of the two addresses and ports */
} families[] = {
	{AF_UNSPEC, 0},
	{AF_INET, 2 * 4 + 2 * 2},
	{AF_INET6, 2 * 16 + 2 * 2},
	{AF_UNIX, 2 * 108},
};

static void read_source(const struct block *block, struct proxy_header *header)
{
	struct peer *source = &header->source;
	const char *at = block->addresses;

	*source = (struct peer){.any = {.sa_family = families[block->family].family}};
	if (source->any.sa_family == AF_INET) {
		memcpy(&source->v4.sin_addr, at, 4);
		memcpy(&source->v4.sin_port, at + 8, 2);
	} else if (source->any.sa_family == AF_INET6) {
		memcpy(&source->v6.sin6_addr, at, 16);
		memcpy(&source->v6.sin6_port, at + 32, 2);
	}
	header->told = true;
}

/* All of the block is there. */
static enum proxy_protocol_outcome read_block(const struct block *block,
	struct proxy_header *header)
{
	if (block->command == COMMAND_LOCAL)
		return PROXY_PROTOCOL_PRESENT; /* the proxy's own, for a health check */
	if (block->family >= COUNT_OF(families) || block->transport >= TRANSPORTS)
		return refuse(header, "a PROXY protocol header of an unknown family or transport");
	if (block->size < families[block->family].size)
		return refuse(header, "a PROXY protocol header that is too short for its family");
	if (block->family != 0 && block->transport != 0)
		read_source(block, header);
	return PROXY_PROTOCOL_PRESENT;
}

static enum proxy_protocol_outcome read_v2(const char *bytes, size_t size,
	struct proxy_header *header)
{
	const unsigned char *at = (const unsigned char *)bytes;
	struct block block;

	if (size < BLOCK_HEAD)
		return PROXY_PROTOCOL_MORE;
	block = (struct block){
		.version = at[12] >> 4u,
		.command = at[12] & 15u,
		.family = at[13] >> 4u,
		.transport = at[13] & 15u,
		.size = (size_t)at[14] << 8u | at[15],
		.addresses = bytes + BLOCK_HEAD,
	};
	if (block.version != 2 || block.command >= COMMANDS)
		return refuse(header, "a PROXY protocol header of an unknown version or command");
	header->size = BLOCK_HEAD + block.size;
	if (header->size > PROXY_PROTOCOL_MAX)
		return refuse(header, "a PROXY protocol header that is too long");
	return size < header->size ? PROXY_PROTOCOL_MORE : read_block(&block, header);
}

static const struct {
	const char *begin;
	size_t size;
	enum proxy_protocol version;
	const char *unwanted;
	enum proxy_protocol_outcome (
		*read)(const char *bytes, size_t size, struct proxy_header *header);
} versions[] = {
	{"PROXY ", 6, PROXY_PROTOCOL_V1, "PROXY protocol version 1 where version 2 is set",
		read_v1},
	{"\r\n\r\n\0\r\nQUIT\n", 12, PROXY_PROTOCOL_V2,
		"PROXY protocol version 2 where version 1 is set", read_v2},
};

enum proxy_protocol_outcome proxy_protocol_read(enum proxy_protocol wanted, const char *bytes,
	size_t size, struct proxy_header *header)
{
	*header = (struct proxy_header){0};
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		size_t most = size < versions[i].size ? size : versions[i].size;

		if (memcmp(bytes, versions[i].begin, most) != 0)
			continue;
		if (most < versions[i].size)
			return PROXY_PROTOCOL_MORE;
		header->begun = true;
		if (wanted != PROXY_PROTOCOL_AUTO && wanted != versions[i].version)
			return refuse(header, versions[i].unwanted);
		return versions[i].read(bytes, size, header);
	}
	return PROXY_PROTOCOL_ABSENT;
}
