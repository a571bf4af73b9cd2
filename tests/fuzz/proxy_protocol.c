/*
 * The PROXY protocol: what any bytes are is decided at some byte and stays so when more come; a
 * header ends within what was given and within its bound, and names an address that can be
 * written and, as version 1, read again. The first byte chooses which version is wanted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/proxy_protocol.h"
#include "tests/fuzz/lib/fuzz.h"

static enum proxy_protocol_outcome read_exactly(enum proxy_protocol wanted, const void *bytes,
	size_t size, struct proxy_header *header)
{
	char *copy = fuzz_copy(bytes, size);
	enum proxy_protocol_outcome outcome = proxy_protocol_read(wanted, copy, size, header);

	free(copy);
	return outcome;
}

static void check_prefixes(enum proxy_protocol wanted, const uint8_t *data, size_t size,
	enum proxy_protocol_outcome whole)
{
	bool decided = false;

	for (size_t i = 0; i <= size; i += size < 300 ? 1 : 1 + size / 300) {
		struct proxy_header header;
		enum proxy_protocol_outcome outcome = read_exactly(wanted, data, i, &header);

		MUST(outcome == PROXY_PROTOCOL_MORE || outcome == whole);
		MUST(outcome != PROXY_PROTOCOL_MORE || !decided);
		decided = decided || outcome != PROXY_PROTOCOL_MORE;
	}
}

/* "192.0.2.1:7" without its port, as a line has it. */
static void check_source(const struct peer *source)
{
	bool v4 = source->any.sa_family == AF_INET;
	char address[PEER_TEXT_MAX], line[256];
	struct text text = TEXT_OVER(address);
	struct proxy_header header;
	int size;

	if (source->any.sa_family == AF_UNIX)
		return;
	peer_write_address(source, &text);
	/* An IPv4 address in IPv6 is written as IPv4. */
	v4 = v4 || strchr(address, ':') == NULL;
	size = snprintf(line, sizeof(line), "PROXY %s %s %s 1 2\r\n", v4 ? "TCP4" : "TCP6", address,
		v4 ? "0.0.0.0" : "::");
	MUST(read_exactly(PROXY_PROTOCOL_V1, line, (size_t)size, &header) ==
		PROXY_PROTOCOL_PRESENT);
	MUST(header.told && header.size == (size_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum proxy_protocol wanted;
	enum proxy_protocol_outcome outcome;
	struct proxy_header header;

	if (size == 0)
		return 0;
	wanted = (enum proxy_protocol)(PROXY_PROTOCOL_V1 + data[0] % 3);
	data++;
	size--;
	outcome = read_exactly(wanted, data, size, &header);
	MUST((outcome == PROXY_PROTOCOL_REFUSED) == (header.reason != NULL));
	MUST(outcome != PROXY_PROTOCOL_ABSENT || !header.begun);
	check_prefixes(wanted, data, size, outcome);
	if (outcome != PROXY_PROTOCOL_PRESENT)
		return 0;
	MUST(header.begun && header.size <= size && header.size <= PROXY_PROTOCOL_MAX);
	if (header.told)
		check_source(&header.source);
	return 0;
}
