#include "service/access_value.h"

#include <string.h>

#include "base/clock.h"
#include "service/digits.h"
#include "service/octet.h"
#include "service/tls_facts.h"

static const struct narwhal_bytes nothing = {NULL, 0};

void access_times_at(struct access_times *times, uint64_t now_ms)
{
	struct text clf, iso;
	int64_t wall_ms;

	if (LIKELY(now_ms < times->until_ms))
		return;
	wall_ms = clock_wall_ms();
	times->began_ms = now_ms - (uint64_t)(wall_ms % 1000);
	times->until_ms = times->began_ms + 1000;
	times->wall_ms = wall_ms - wall_ms % 1000;
	clf = TEXT_OVER(times->clf);
	text_add_char(&clf, '[');
	clock_add_clf(&clf, times->wall_ms / 1000);
	text_add_char(&clf, ']');
	iso = TEXT_OVER(times->iso);
	clock_add_rfc3339(&iso, times->wall_ms);
}

typedef struct narwhal_bytes value_source(const struct access_facts *facts,
	const struct access_part *part, char *room);

static struct narwhal_bytes span(const struct access_facts *facts, struct request_span span)
{
	const char *bytes = facts->request->bytes;

	return span.size != 0 ? (struct narwhal_bytes){bytes + span.at, span.size} : nothing;
}

static struct narwhal_bytes field_named(const struct access_facts *facts, const char *name,
	size_t size)
{
	const char *bytes = facts->request->bytes;
	const struct request_field *found = request_field(facts->request->head, bytes, name, size);

	return found != NULL ? (struct narwhal_bytes){bytes + found->value_at, found->value_size}
			     : nothing;
}

static struct narwhal_bytes made(const struct text *text)
{
	return (struct narwhal_bytes){text->bytes, text->used};
}

#define SOURCE(name)                                                              \
	static struct narwhal_bytes name(UNUSED const struct access_facts *facts, \
		UNUSED const struct access_part *part, UNUSED char *room)

SOURCE(client)
{
	const struct peer *client = origin_client(facts->request);
	struct access_client *last = &facts->scene->last;

	if (UNLIKELY(last->size == 0 || !peer_same_address(&last->peer, client))) {
		struct text address = TEXT_OVER(last->bytes);

		peer_write_address(client, &address);
		last->peer = *client;
		last->size = address.used;
	}
	return (struct narwhal_bytes){last->bytes, last->size};
}

SOURCE(peer)
{
	struct text text = {.bytes = room, .size = part->most + (size_t)1};

	peer_write(facts->request->peer, &text);
	return made(&text);
}

SOURCE(method)
{
	return span(facts, facts->request->head->method);
}

SOURCE(target)
{
	return span(facts, facts->request->head->target);
}

SOURCE(path)
{
	return span(facts, facts->request->head->path);
}

SOURCE(query)
{
	return span(facts, facts->request->head->query);
}

SOURCE(referer)
{
	return field_named(facts, "referer", 7);
}

SOURCE(agent)
{
	return field_named(facts, "user-agent", 10);
}

SOURCE(field)
{
	return field_named(facts, part->text, part->size);
}

SOURCE(environment)
{
	return (struct narwhal_bytes){part->text, part->size};
}

SOURCE(time_iso)
{
	const struct access_scene *scene = facts->scene;
	char *at = mempcpy(room, scene->times.iso, sizeof("2026-11-20T11:50:00.") - 1);

	at = digits_put_padded(at, scene->now_ms - scene->times.began_ms, 3);
	*at++ = 'Z';
	return (struct narwhal_bytes){room, (size_t)(at - room)};
}

SOURCE(scheme)
{
	return origin_scheme(facts->request);
}

SOURCE(host)
{
	return origin_host(facts->request);
}

SOURCE(request_id)
{
	return origin_id(facts->request);
}

SOURCE(trace)
{
	return origin_trace(facts->request);
}

SOURCE(pid)
{
	return facts->scene->pid;
}

SOURCE(generation)
{
	return facts->scene->generation;
}

/* The first line of that name in the answer's head. */
SOURCE(answer_field)
{
	const char *at = facts->head.data, *end = at + facts->head.size, *line_end;

	for (; at < end; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(end - at));
		if (line_end == NULL)
			break;
		if ((size_t)(line_end - at) < part->size + sizeof(": \r") - 1 ||
			at[part->size] != ':' || !octet_same(at, part->text, part->size))
			continue;
		at += part->size + 2;
		return (struct narwhal_bytes){at, (size_t)(line_end - at) - 1};
	}
	return nothing;
}

static const size_t protocol_size = sizeof("HTTP/1.1") - 1;

/* From its method to its version, if it was understood so far. */
SOURCE(request_line)
{
	const struct request *request = facts->request->head;
	size_t size = request->method.size + 1u + request->target.size + 1u + protocol_size;

	if (request->phase < REQUEST_FIELDS)
		return nothing;
	return (struct narwhal_bytes){facts->request->bytes + request->method.at, size};
}

SOURCE(protocol)
{
	struct narwhal_bytes line = request_line(facts, part, room);

	if (line.data == NULL)
		return nothing;
	return (struct narwhal_bytes){line.data + line.size - protocol_size, protocol_size};
}

/* The name of Basic authentication (RFC 7617), once it is decoded: what stands before a colon. */
SOURCE(user)
{
	return field_named(facts, "authorization", 13);
}

/* The fact of that name. */
#define TLS_SOURCE(name, which)                                                                   \
	SOURCE(name)                                                                              \
	{                                                                                         \
		return facts->request->peer->tls != NULL ? facts->request->peer->tls->fact[which] \
							 : nothing;                               \
	}

TLS_SOURCE(tls_version, NARWHAL_TLS_VERSION)
TLS_SOURCE(tls_cipher, NARWHAL_TLS_CIPHER)
TLS_SOURCE(tls_name, NARWHAL_TLS_SERVER_NAME)
TLS_SOURCE(tls_subject, NARWHAL_TLS_CLIENT_SUBJECT)
TLS_SOURCE(tls_serial, NARWHAL_TLS_CLIENT_SERIAL)
TLS_SOURCE(tls_print, NARWHAL_TLS_CLIENT_FINGERPRINT)

#undef TLS_SOURCE
#undef SOURCE

/* Of the parts that have a value. */
static value_source *const sources[] = {
	[ACCESS_CLIENT] = client,
	[ACCESS_USER] = user,
	[ACCESS_LINE] = request_line,
	[ACCESS_METHOD] = method,
	[ACCESS_PATH] = path,
	[ACCESS_QUERY] = query,
	[ACCESS_PROTOCOL] = protocol,
	[ACCESS_REFERER] = referer,
	[ACCESS_AGENT] = agent,
	[ACCESS_PID] = pid,
	[ACCESS_GENERATION] = generation,
	[ACCESS_TIME_ISO] = time_iso,
	[ACCESS_PEER] = peer,
	[ACCESS_SCHEME] = scheme,
	[ACCESS_HOST] = host,
	[ACCESS_TARGET] = target,
	[ACCESS_REQUEST_ID] = request_id,
	[ACCESS_TRACE_ID] = trace,
	[ACCESS_TLS_VERSION] = tls_version,
	[ACCESS_TLS_CIPHER] = tls_cipher,
	[ACCESS_TLS_NAME] = tls_name,
	[ACCESS_TLS_SUBJECT] = tls_subject,
	[ACCESS_TLS_SERIAL] = tls_serial,
	[ACCESS_TLS_PRINT] = tls_print,
	[ACCESS_FIELD] = field,
	[ACCESS_ANSWER_FIELD] = answer_field,
	[ACCESS_ENVIRONMENT] = environment,
};

struct narwhal_bytes access_value(const struct access_facts *facts, const struct access_part *part,
	char *room)
{
	return sources[part->atom](facts, part, room);
}

/* The value of a digit of base64 (RFC 4648 section 4), or -1. */
static int digit_value(char digit)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

struct narwhal_bytes access_decode(struct narwhal_bytes value, struct text *text)
{
	size_t at = sizeof("Basic ") - 1;
	unsigned bits = 0, count = 0;
	int digit;

	if (value.size < at || !octet_same(value.data, "basic ", at))
		return nothing;
	for (; at < value.size && (digit = digit_value(value.data[at])) >= 0; at++) {
		bits = (bits << 6 | (unsigned)digit) & 0xffff;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		if ((char)(bits >> count) == ':')
			break;
		text_add_char(text, (char)(bits >> count));
	}
	return text->used != 0 ? made(text) : nothing;
}
