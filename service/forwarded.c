#include "service/forwarded.h"

#include "service/authority.h"
#include "service/forwarded_element.h"
#include "service/forwarded_node.h"
#include "service/octet.h"

bool forwarded_trusts(const struct cidr_list *trusted, const struct peer *peer)
{
	if (peer->any.sa_family == AF_INET)
		return cidr_list_has(trusted, cidr_from_v4(peer->v4.sin_addr));
	if (peer->any.sa_family == AF_INET6)
		return cidr_list_has(trusted, cidr_from_v6(&peer->v6.sin6_addr));
	return true;
}

/* What is known so far; as struct forwarded. */
struct known {
	bool has_client;
	struct peer client;
	struct narwhal_bytes host;
	const char *scheme;
};

/*
 * From the first element to the last. What is known before an element was told by the one that it
 * names, so it stays known only if that one is trusted.
 */
static void follow(struct known *known, const struct forwarded_element *element,
	const struct cidr_list *trusted)
{
	struct peer peer;
	bool has_address = forwarded_node(element->node, &peer);

	if (!has_address || !forwarded_trusts(trusted, &peer))
		*known = (struct known){0};
	if (has_address && !known->has_client) {
		known->has_client = true;
		known->client = peer;
	}
	if (known->scheme == NULL)
		known->scheme = element->scheme;
	if (known->host.size == 0)
		known->host = element->host;
}

static const char *read_forwarded(struct narwhal_bytes value, const struct cidr_list *trusted,
	struct known *known)
{
	while (value.size != 0) {
		struct forwarded_element element;
		unsigned seen;

		if (!forwarded_element_take(&value, &element, &seen))
			return "a malformed Forwarded";
		if (seen != 0)
			follow(known, &element, trusted);
	}
	return NULL;
}

static const char *read_for(struct narwhal_bytes value, const struct cidr_list *trusted,
	struct known *known)
{
	struct forwarded_element element = {0};

	while (field_list_next(&value, &element.node)) {
		/* It is the addresses' chain alone: it says nothing about the other fields. */
		struct known chain = {.has_client = known->has_client, .client = known->client};

		follow(&chain, &element, trusted);
		known->has_client = chain.has_client;
		known->client = chain.client;
	}
	return NULL;
}

/* Of several, the word of the proxy that is nearest. */
static const char *read_proto(struct narwhal_bytes value, const struct cidr_list *trusted,
	struct known *known)
{
	struct narwhal_bytes element;

	(void)trusted;
	while (field_list_next(&value, &element)) {
		known->scheme = forwarded_scheme(element);
		if (known->scheme == NULL)
			return "an X-Forwarded-Proto that is neither http nor https";
	}
	return NULL;
}

static const char *read_host(struct narwhal_bytes value, const struct cidr_list *trusted,
	struct known *known)
{
	struct narwhal_bytes element;

	(void)trusted;
	while (field_list_next(&value, &element)) {
		if (!authority_valid(element.data, element.size))
			return "a malformed X-Forwarded-Host";
		known->host = element;
	}
	return NULL;
}

static const struct row {
	const char *name;
	bool standard; /* RFC 7239's, and not one of the X- fields */
	const char *(*read)(struct narwhal_bytes value, const struct cidr_list *trusted,
		struct known *known);
} rows[] = {
	{"forwarded", true, read_forwarded},
	{"x-forwarded-for", false, read_for},
	{"x-forwarded-host", false, read_host},
	{"x-forwarded-proto", false, read_proto},
};

static const struct row *row_of(const char *name, size_t size)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (field_is((struct narwhal_bytes){name, size}, rows[i].name))
			return &rows[i];
	}
	return NULL;
}

/* Most requests have none, and most of their names differ in size already. */
#define NAME_SIZES (1u << 9 | 1u << 15 | 1u << 16 | 1u << 17)

static bool is_size(size_t size)
{
	return size < 32 && (NAME_SIZES >> size & 1) != 0;
}

bool forwarded_is_told(const struct request *request, const char *bytes)
{
	if (LIKELY((request->name_sizes & NAME_SIZES) == 0))
		return false;
	for (size_t i = 0; i < request->field_count; i++) {
		const struct request_field *field = &request->fields[i];

		if (is_size(field->name_size) &&
			row_of(bytes + field->name_at, field->name_size) != NULL)
			return true;
	}
	return false;
}

/* A proxy that writes one of them and passes on the other lets its client lie in that other. */
static const char *find_contradiction(const struct known *a, const struct known *b)
{
	if (a->has_client && b->has_client && !peer_same_address(&a->client, &b->client))
		return "Forwarded and X-Forwarded-For name different clients";
	if (a->scheme != NULL && b->scheme != NULL && a->scheme[4] != b->scheme[4])
		return "Forwarded and X-Forwarded-Proto name different schemes";
	if (a->host.size != 0 && b->host.size != 0 &&
		(a->host.size != b->host.size ||
			!octet_same(a->host.data, b->host.data, a->host.size)))
		return "Forwarded and X-Forwarded-Host name different hosts";
	return NULL;
}

/* What `a` tells, and `b` where `a` does not. */
static struct known join(const struct known *a, const struct known *b)
{
	const struct known *client = a->has_client ? a : b;

	return (struct known){
		.has_client = client->has_client,
		.client = client->client,
		.host = a->host.size != 0 ? a->host : b->host,
		.scheme = a->scheme != NULL ? a->scheme : b->scheme,
	};
}

const char *forwarded_read(const struct request *request, const char *bytes,
	const struct cidr_list *trusted, struct forwarded *forwarded)
{
	struct known known[2] = {{0}, {0}}, all; /* by `standard` */
	const char *reason = NULL;

	for (size_t i = 0; reason == NULL && i < request->field_count; i++) {
		const struct request_field *field = &request->fields[i];
		const struct row *row = row_of(bytes + field->name_at, field->name_size);

		if (row != NULL)
			reason = row->read((struct narwhal_bytes){bytes + field->value_at,
						   field->value_size},
				trusted, &known[row->standard]);
	}
	if (reason == NULL)
		reason = find_contradiction(&known[true], &known[false]);
	all = join(&known[true], &known[false]);
	*forwarded = (struct forwarded){
		.has_client = all.has_client,
		.client = all.client,
		.scheme = all.scheme,
	};
	if (all.host.size != 0)
		forwarded->host = (struct request_span){(uint16_t)(all.host.data - bytes),
			(uint16_t)all.host.size};
	return reason;
}
