#include "service/forwarded.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "service/authority.h"
#include "service/octet.h"

/* Longer than any address with its port. */
#define NODE_MAX 64

bool forwarded_trusts(const struct cidr_list *trusted, const struct peer *peer)
{
	if (peer->any.sa_family == AF_INET)
		return cidr_list_has(trusted, cidr_from_v4(peer->v4.sin_addr));
	if (peer->any.sa_family == AF_INET6)
		return cidr_list_has(trusted, cidr_from_v6(&peer->v6.sin6_addr));
	return true;
}

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

/* A node that is an address: IPv4, IPv6 with brackets or, in X-Forwarded-For, without. */
static bool read_node(struct narwhal_bytes node, struct peer *peer)
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

/* What is known so far; as struct forwarded. */
struct known {
	bool has_client;
	struct peer client;
	struct narwhal_bytes host;
	const char *scheme;
};

/* One proxy's word; what it does not say is as in {0}. */
struct element {
	struct narwhal_bytes node, host;
	const char *scheme;
};

/*
 * From the first element to the last. What is known before an element was told by the one that it
 * names, so it stays known only if that one is trusted.
 */
static void follow(struct known *known, const struct element *element,
	const struct cidr_list *trusted)
{
	struct peer peer;
	bool has_address = read_node(element->node, &peer);

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

static const char *scheme_of(struct narwhal_bytes value)
{
	/* What a WebSocket's handshake asks for is a resource of http all the same (RFC 6455). */
	static const struct {
		const char *name, *scheme;
	} rows[] = {{"https", "https"}, {"http", "http"}, {"wss", "https"}, {"ws", "http"}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (field_is(value, rows[i].name))
			return rows[i].scheme;
	}
	return NULL;
}

/* A pair of an element of Forwarded; the value without its quotation marks. */
struct pair {
	struct narwhal_bytes name, value;
};

/* What may stand in a value without quotation marks: more than a token, as "[" and ":" often do. */
static size_t span_bare(struct narwhal_bytes rest, size_t at)
{
	while (at < rest.size && octet_is(rest.data[at], OCTET_TARGET) &&
		strchr("\",;\\", rest.data[at]) == NULL)
		at++;
	return at;
}

/* Behind the closing quotation mark, or 0. */
static size_t span_quoted(struct narwhal_bytes rest, size_t at)
{
	for (at++; at < rest.size && rest.data[at] != '"'; at++)
		at += rest.data[at] == '\\';
	return at < rest.size ? at + 1 : 0;
}

/* Takes "name=value" off the front. */
static bool take_pair(struct narwhal_bytes *rest, struct pair *pair)
{
	size_t name = octet_span(rest->data, 0, rest->size, OCTET_TOKEN), at = name + 1, end;
	bool quoted;

	if (name == 0 || name >= rest->size || rest->data[name] != '=')
		return false;
	quoted = at < rest->size && rest->data[at] == '"';
	end = quoted ? span_quoted(*rest, at) : span_bare(*rest, at);
	if (end <= at)
		return false;
	pair->name = (struct narwhal_bytes){rest->data, name};
	pair->value = (struct narwhal_bytes){rest->data + at + quoted, end - at - 2u * quoted};
	rest->data += end;
	rest->size -= end;
	return true;
}

static bool keep_node(struct element *element, struct narwhal_bytes value)
{
	element->node = value;
	return true;
}

static bool keep_host(struct element *element, struct narwhal_bytes value)
{
	element->host = value;
	return authority_valid(value.data, value.size);
}

static bool keep_scheme(struct element *element, struct narwhal_bytes value)
{
	element->scheme = scheme_of(value);
	return element->scheme != NULL;
}

static bool keep_nothing(struct element *element, struct narwhal_bytes value)
{
	(void)element;
	(void)value;
	return true;
}

/* The parameters of RFC 7239 section 5, each at most once in an element; others are ignored. */
static const struct {
	const char *name;
	bool (*keep)(struct element *element, struct narwhal_bytes value);
} parameters[] = {
	{"for", keep_node},
	{"host", keep_host},
	{"proto", keep_scheme},
	{"by", keep_nothing},
};

static bool keep_pair(struct element *element, const struct pair *pair, unsigned *seen)
{
	for (unsigned i = 0; i < COUNT_OF(parameters); i++) {
		if (!field_is(pair->name, parameters[i].name))
			continue;
		if ((*seen & 1u << i) != 0)
			return false;
		*seen |= 1u << i;
		return parameters[i].keep(element, pair->value);
	}
	return true;
}

static void skip(struct narwhal_bytes *rest, enum octet_class class)
{
	size_t at = octet_span(rest->data, 0, rest->size, class);

	rest->data += at;
	rest->size -= at;
}

/* Takes one separator off the front and says which; 0 at the end, and for what is none. */
static char take_separator(struct narwhal_bytes *rest)
{
	char separator = rest->size != 0 ? rest->data[0] : '\0';

	if (separator != ',' && separator != ';')
		return '\0';
	rest->data++;
	rest->size--;
	return separator;
}

/* Takes an element and the comma behind it off the front; `*seen` is 0 for an empty one. */
static bool take_element(struct narwhal_bytes *rest, struct element *element, unsigned *seen)
{
	char separator;

	*element = (struct element){0};
	*seen = 0;
	do {
		struct pair pair;

		skip(rest, OCTET_BLANK);
		if (rest->size != 0 && rest->data[0] != ',' && rest->data[0] != ';') {
			if (!take_pair(rest, &pair) || !keep_pair(element, &pair, seen))
				return false;
			*seen |= 1u << COUNT_OF(parameters);
			skip(rest, OCTET_BLANK);
		}
		separator = take_separator(rest);
	} while (separator == ';');
	return separator == ',' || rest->size == 0;
}

static const char *read_forwarded(struct narwhal_bytes value, const struct cidr_list *trusted,
	struct known *known)
{
	while (value.size != 0) {
		struct element element;
		unsigned seen;

		if (!take_element(&value, &element, &seen))
			return "a malformed Forwarded";
		if (seen != 0)
			follow(known, &element, trusted);
	}
	return NULL;
}

static const char *read_for(struct narwhal_bytes value, const struct cidr_list *trusted,
	struct known *known)
{
	struct element element = {0};

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
		known->scheme = scheme_of(element);
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
