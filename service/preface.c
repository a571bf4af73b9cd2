#include "service/preface.h"

enum preface preface_of(enum proxy_protocol wanted, bool trusted)
{
	if (wanted == PROXY_PROTOCOL_OFF)
		return PREFACE_NONE;
	return trusted ? PREFACE_DUE : PREFACE_FORBIDDEN;
}

static enum preface_outcome refuse(struct preface_result *result, const char *reason)
{
	result->reason = reason;
	return PREFACE_REFUSED;
}

static enum preface_outcome read_due(const struct proxy_header *header,
	enum proxy_protocol_outcome outcome, struct peer *peer, struct preface_result *result)
{
	switch (outcome) {
	case PROXY_PROTOCOL_MORE:
		return PREFACE_MORE;
	case PROXY_PROTOCOL_ABSENT:
		return refuse(result, "no PROXY protocol header, where one is due");
	case PROXY_PROTOCOL_REFUSED:
		return refuse(result, header->reason);
	case PROXY_PROTOCOL_PRESENT:
		break;
	}
	if (header->told)
		*peer = header->source;
	result->size = header->size;
	return PREFACE_READ;
}

enum preface_outcome preface_read(enum preface preface, enum proxy_protocol wanted,
	struct narwhal_bytes bytes, struct peer *peer, struct preface_result *result)
{
	bool due = preface == PREFACE_DUE;
	struct proxy_header header;
	enum proxy_protocol_outcome outcome =
		proxy_protocol_read(due ? wanted : PROXY_PROTOCOL_AUTO, bytes.data, bytes.size,
			&header);

	*result = (struct preface_result){0};
	if (due)
		return read_due(&header, outcome, peer, result);
	if (header.begun)
		return refuse(result,
			"a PROXY protocol header of a peer that is not in proxy_allow_ips");
	return outcome == PROXY_PROTOCOL_MORE ? PREFACE_MORE : PREFACE_READ;
}
