#include "service/origin.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "service/octet.h"
#include "service/response.h"
#include "service/view.h"

int origin_rules_open(struct origin_rules *rules, const struct settings *settings, struct text *why)
{
	int error = cidr_list_read(settings->forwarded_allow_ips, &rules->forwarders, why);

	if (error == 0)
		error = cidr_list_read(settings->proxy_allow_ips, &rules->proxies, why);
	if (error != 0)
		return error;
	rules->protocol = (enum proxy_protocol)settings->proxy_protocol;
	rules->id_field = settings->request_id_header;
	rules->https = (struct https_rules){settings->https_redirect, settings->hsts,
		settings->hsts_subdomains};
	rules->echo = settings->request_id_echo && rules->id_field != NULL;
	/* Up to 256 bytes come whole, and all zero once in the age of many universes. */
	if (getrandom(&rules->ids, sizeof(rules->ids), 0) != (ssize_t)sizeof(rules->ids))
		return -EIO;
	return 0;
}

void origin_rules_close(struct origin_rules *rules)
{
	cidr_list_free(&rules->forwarders);
	cidr_list_free(&rules->proxies);
}

void origin_judge(const struct origin_rules *rules, struct peer *peer)
{
	peer->forwards = forwarded_trusts(&rules->forwarders, peer);
}

enum preface origin_preface(const struct origin_rules *rules, const struct peer *peer)
{
	if (LIKELY(rules->protocol == PROXY_PROTOCOL_OFF))
		return PREFACE_NONE;
	return preface_of(rules->protocol, forwarded_trusts(&rules->proxies, peer));
}

const char *origin_read(const struct narwhal_request *request)
{
	struct origin *origin = request->origin;

	origin->told = false;
	if (!request->peer->forwards || !forwarded_is_told(request->head, request->bytes))
		return NULL;
	origin->told = true;
	return forwarded_read(request->head, request->bytes, &request->origin->rules->forwarders,
		&origin->forwarded);
}

const struct peer *origin_client(const struct narwhal_request *request)
{
	const struct forwarded *forwarded = &request->origin->forwarded;

	return request->origin->told && forwarded->has_client ? &forwarded->client : request->peer;
}

struct narwhal_bytes origin_scheme(const struct narwhal_request *request)
{
	const struct forwarded *forwarded = &request->origin->forwarded;
	const char *scheme = request->peer->tls != NULL ? "https" : "http";

	if (request->origin->told && forwarded->scheme != NULL)
		scheme = forwarded->scheme;
	return (struct narwhal_bytes){scheme, strlen(scheme)};
}

static struct narwhal_bytes span(const struct narwhal_request *request, struct request_span span)
{
	if (span.size == 0)
		return (struct narwhal_bytes){NULL, 0};
	return (struct narwhal_bytes){request->bytes + span.at, span.size};
}

struct narwhal_bytes origin_host(const struct narwhal_request *request)
{
	const struct forwarded *forwarded = &request->origin->forwarded;
	bool told = request->origin->told && forwarded->host.size != 0;

	return span(request, told ? forwarded->host : request->head->host);
}

/* The only field of that name. */
static const struct request_field *only_field(const struct narwhal_request *request,
	const char *name)
{
	const struct request *head = request->head;
	size_t size = strlen(name);
	const struct request_field *found = request_field(head, request->bytes, name, size);

	if (found == NULL)
		return NULL;
	for (const struct request_field *field = found + 1;
		field < head->fields + head->field_count; field++) {
		if (field->name_size == size &&
			octet_same(request->bytes + field->name_at, name, size))
			return NULL;
	}
	return found;
}

static struct narwhal_bytes value_of(const struct narwhal_request *request,
	const struct request_field *field)
{
	return (struct narwhal_bytes){request->bytes + field->value_at, field->value_size};
}

/* The peer's, if it is one that may give ids and has given one. */
static struct request_span take_id(const struct narwhal_request *request)
{
	const char *name = request->origin->rules->id_field;
	const struct request_field *field = NULL;

	if (name != NULL && request->peer->forwards)
		field = only_field(request, name);
	if (field == NULL || !trace_is_request_id(value_of(request, field)))
		return (struct request_span){0};
	return (struct request_span){field->value_at, field->value_size};
}

static struct narwhal_bytes known_id(const struct narwhal_request *request)
{
	const struct origin_identity *identity = &request->origin->identity;

	if (identity->taken.size != 0)
		return span(request, identity->taken);
	return (struct narwhal_bytes){identity->made, sizeof(identity->made)};
}

struct narwhal_bytes origin_id(const struct narwhal_request *request)
{
	struct origin_identity *identity = &request->origin->identity;

	if (!identity->known) {
		identity->taken = take_id(request);
		if (identity->taken.size == 0)
			trace_make_id(&request->origin->rules->ids, identity->made);
		identity->known = true;
	}
	return known_id(request);
}

struct narwhal_bytes origin_trace(const struct narwhal_request *request)
{
	const struct request_field *field = only_field(request, "traceparent");

	if (field == NULL)
		return (struct narwhal_bytes){NULL, 0};
	return trace_id(value_of(request, field));
}

static void copy_id(struct narwhal_bytes id, char text[TRACE_REQUEST_ID_MAX + 1])
{
	memcpy(text, id.data, id.size);
	text[id.size] = '\0';
}

void origin_echo(const struct narwhal_request *request, struct narwhal_response *response)
{
	const char *name = request->origin->rules->id_field;
	char id[TRACE_REQUEST_ID_MAX + 1];

	if (response_has_field(response, name))
		return;
	copy_id(origin_id(request), id);
	(void)narwhal_response_field(response, name, id);
}

void origin_label(const struct narwhal_request *request, struct origin_label *label)
{
	(void)peer_print(origin_client(request), label->client);
	label->id[0] = '\0';
	if (request->origin->identity.known)
		copy_id(known_id(request), label->id);
}

struct log_field origin_log_id(const struct origin_label *label)
{
	if (label == NULL || label->id[0] == '\0')
		return (struct log_field){.kind = LOG_FIELD_END};
	return log_string("request_id", label->id);
}
