#include "service/forwarded_element.h"

#include <string.h>

#include "service/authority.h"
#include "service/field.h"
#include "service/octet.h"

const char *forwarded_scheme(struct narwhal_bytes value)
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

static bool keep_node(struct forwarded_element *element, struct narwhal_bytes value)
{
	element->node = value;
	return true;
}

static bool keep_host(struct forwarded_element *element, struct narwhal_bytes value)
{
	element->host = value;
	return authority_valid(value.data, value.size);
}

static bool keep_scheme(struct forwarded_element *element, struct narwhal_bytes value)
{
	element->scheme = forwarded_scheme(value);
	return element->scheme != NULL;
}

static bool keep_nothing(struct forwarded_element *element, struct narwhal_bytes value)
{
	(void)element;
	(void)value;
	return true;
}

/* The parameters of RFC 7239 section 5, each at most once in an element; others are ignored. */
static const struct {
	const char *name;
	bool (*keep)(struct forwarded_element *element, struct narwhal_bytes value);
} parameters[] = {
	{"for", keep_node},
	{"host", keep_host},
	{"proto", keep_scheme},
	{"by", keep_nothing},
};

static bool keep_pair(struct forwarded_element *element, const struct pair *pair, unsigned *seen)
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

bool forwarded_element_take(struct narwhal_bytes *rest, struct forwarded_element *element,
	unsigned *seen)
{
	char separator;

	*element = (struct forwarded_element){0};
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
