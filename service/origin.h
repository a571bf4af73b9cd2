/*
 * origin.h - where a request comes from: its client, the scheme and host that it asked for, its id
 * and its trace. What a trusted peer tells is believed, what another tells is not.
 *
 * Found out only as far as somebody asks: a request that comes from the client itself, and whose
 * id nobody wants, costs nothing.
 */
#ifndef SERVICE_ORIGIN_H
#define SERVICE_ORIGIN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/cidr.h"
#include "base/log.h"
#include "base/settings.h"
#include "narwhal/service.h"
#include "service/forwarded.h"
#include "service/https.h"
#include "service/preface.h"
#include "service/trace.h"

/* One for the worker. */
struct origin_rules {
	struct cidr_list forwarders; /* forwarded_allow_ips */
	struct cidr_list proxies;    /* proxy_allow_ips */
	enum proxy_protocol protocol;
	const char *id_field; /* the settings'; NULL: ids are always made */
	bool echo;	      /* answers say them, too */
	struct trace_source ids;
	struct https_rules https;
};

/* The id: `taken`, or where that is empty, `made`. */
struct origin_identity {
	bool known;
	struct request_span taken;
	char made[TRACE_ID_SIZE];
};

/* One for each request. */
struct origin {
	struct origin_rules *rules;
	bool told; /* `forwarded` is set */
	struct origin_identity identity;
	struct forwarded forwarded;
};

/* 0, or -errno with `why`. Borrows the settings. */
MUST_USE int origin_rules_open(struct origin_rules *rules, const struct settings *settings,
	struct text *why);
void origin_rules_close(struct origin_rules *rules);
/* What the rules say of a peer; to be known before its first request is. */
void origin_judge(const struct origin_rules *rules, struct peer *peer);
enum preface origin_preface(const struct origin_rules *rules, const struct peer *peer);

/* When the head is complete: NULL, or why it is refused with 400. */
MUST_USE const char *origin_read(const struct narwhal_request *request);
const struct peer *origin_client(const struct narwhal_request *request) PURE;
struct narwhal_bytes origin_scheme(const struct narwhal_request *request);
struct narwhal_bytes origin_host(const struct narwhal_request *request);
/* Taken over from the peer or, at the first call, made. */
struct narwhal_bytes origin_id(const struct narwhal_request *request);
struct narwhal_bytes origin_trace(const struct narwhal_request *request);
/* The answer says the id, unless it has that field already. */
void origin_echo(const struct narwhal_request *request, struct narwhal_response *response);

/* For log lines: the client, and the id if there is one. */
struct origin_label {
	char client[PEER_TEXT_MAX];
	char id[TRACE_REQUEST_ID_MAX + 1]; /* "": nobody has asked for it */
};
void origin_label(const struct narwhal_request *request, struct origin_label *label);
/* Whether that says more than who the peer is. */
static inline bool origin_is_told(const struct origin *origin)
{
	return origin->told || origin->identity.known;
}
/* The id as the last field of a log line, if there is one; `label` may be NULL. */
struct log_field origin_log_id(const struct origin_label *label);

#endif
