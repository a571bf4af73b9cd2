#include "service/request.h"

#include <string.h>

#include "service/authority.h"
#include "service/octet.h"

size_t request_size(const struct request_limits *limits)
{
	MUST(limits->head <= REQUEST_HEAD_MAX && limits->line >= REQUEST_LINE_MIN);
	return sizeof(struct request) + limits->fields * sizeof(struct request_field);
}

void request_reset(struct request *request)
{
	const size_t half = offsetof(struct request, phase);

	/* One memset() of so much is "rep stos", which takes longer to begin than this in all. */
	memset(request, 0, half);
	memset((char *)request + half, 0, sizeof(*request) - half);
}

/* Phases return whether to go on with the next one; if not, `outcome` says what is. */
static bool request_refuse(struct request *request, unsigned status, const char *reason)
{
	request->outcome = REQUEST_REFUSED;
	request->status = status;
	request->reason = reason;
	return false;
}

static struct request_span request_span(size_t at, size_t end)
{
	return (struct request_span){(uint16_t)at, (uint16_t)(end - at)};
}

static const char *request_start_reason(char octet)
{
	/* A TLS record of type handshake (RFC 8446 section 5.1): a ClientHello. */
	if (octet == 0x16)
		return "this looks like TLS, and the port speaks plain HTTP";
	return octet == '\n' ? "a bare LF" : "the first byte is none of a method's";
}

/* RFC 9112 section 2.2: some clients send an empty line too many behind a body. */
static bool request_empty_lines(struct request *request, const char *bytes, size_t size)
{
	while (request->at < size && bytes[request->at] == '\r') {
		if (request->at + 1 == size)
			return false;
		if (bytes[request->at + 1] != '\n')
			return request_refuse(request, 400, "a bare CR");
		if (++request->lines > REQUEST_EMPTY_LINES_MAX)
			return request_refuse(request, 400,
				"too many empty lines before the request line");
		request->at += 2;
	}
	if (request->at == size)
		return false;
	if (!octet_is(bytes[request->at], OCTET_TOKEN))
		return request_refuse(request, 400, request_start_reason(bytes[request->at]));
	request->line_at = request->at;
	request->phase = REQUEST_METHOD;
	return true;
}

static bool request_method_is(const struct request *request, const char *bytes, const char *name)
{
	size_t size = strlen(name);

	return request->method.size == size && memcmp(bytes + request->method.at, name, size) == 0;
}

static bool request_method(struct request *request, const char *bytes, size_t size)
{
	size_t most = request->line_at + REQUEST_METHOD_MAX + 1, end = size < most ? size : most;
	size_t at = octet_span(bytes, request->at, end, OCTET_TOKEN);

	request->at = (uint32_t)at;
	if (at == most)
		return request_refuse(request, 501, "the method is too long");
	if (at == size)
		return false;
	if (bytes[at] != ' ')
		return request_refuse(request, 400, "a method that is no token and one space");
	request->method = request_span(request->line_at, at);
	request->head = request_method_is(request, bytes, "HEAD");
	request->at++;
	request->phase = REQUEST_TARGET;
	return true;
}

static const char *request_target_reason(char octet, bool empty)
{
	if (octet == ' ' && empty)
		return "two spaces before the target";
	if (octet == '#')
		return "a fragment in the target";
	if (octet == '\r' || octet == '\n')
		return "a request line without a version";
	return "a forbidden byte in the target";
}

/* What stands between the method and the next space. */
static bool request_target(struct request *request, const struct request_limits *limits,
	const char *bytes, size_t size)
{
	size_t most = request->line_at + limits->line + 1, end = size < most ? size : most;
	size_t first = request->line_at + request->method.size + 1u, at = request->at;

	if (request->query_at == 0) {
		at = octet_span(bytes, at, end, OCTET_PATH);
		if (at < end && bytes[at] == '?')
			request->query_at = (uint32_t)at + 1;
	}
	if (request->query_at != 0)
		at = octet_span(bytes, at, end, OCTET_TARGET);
	request->at = (uint32_t)at;
	if (at >= most)
		return request_refuse(request, 414, "the request line is too long");
	if (at == size)
		return false;
	if (bytes[at] != ' ' || at == first)
		return request_refuse(request, 400, request_target_reason(bytes[at], at == first));
	if (at + sizeof("HTTP/1.1") - request->line_at > limits->line)
		return request_refuse(request, 414, "the request line is too long");
	request->target = request_span(first, at);
	request->at++;
	request->phase = REQUEST_VERSION;
	return true;
}

/* The origin-form, or what follows the authority of an absolute-form. */
static void request_path(struct request *request, size_t at)
{
	size_t end = request->target.at + (size_t)request->target.size, query = request->query_at;

	request->path = request_span(at, query != 0 ? query - 1 : end);
	if (query != 0)
		request->query = request_span(query, end);
}

/* RFC 9112 section 3.2.2. The path of "http://a" is a "/" (section 3.2.1): that of its scheme. */
static bool request_absolute(struct request *request, const char *bytes)
{
	size_t scheme = bytes[request->target.at + 4] == ':' ? 7 : 8;
	size_t at = request->target.at + scheme, end = request->target.at + request->target.size;
	size_t most = request->query_at != 0 ? request->query_at - 1 : end;
	const char *slash = memchr(bytes + at, '/', most - at);
	size_t path = slash != NULL ? (size_t)(slash - bytes) : most;

	if (!authority_valid(bytes + at, path - at))
		return request_refuse(request, 400, "a target with a malformed authority");
	request->absolute = true;
	request->host = request_span(at, path);
	request_path(request, path);
	if (request->path.size == 0)
		request->path = request_span(at - 1, at);
	return true;
}

static bool request_starts(const struct request *request, const char *bytes, const char *lower)
{
	size_t size = strlen(lower);

	return request->target.size >= size && octet_same(bytes + request->target.at, lower, size);
}

/* The four forms of a target (RFC 9112 section 3.2). */
static bool request_form(struct request *request, const char *bytes)
{
	const char *target = bytes + request->target.at;

	if (request_method_is(request, bytes, "CONNECT"))
		return request_refuse(request, 501, "CONNECT: this is no proxy");
	if (target[0] == '/') {
		request_path(request, request->target.at);
		return true;
	}
	if (target[0] == '*' && request->target.size == 1 &&
		request_method_is(request, bytes, "OPTIONS")) {
		request->path = request->target;
		return true;
	}
	if (request_starts(request, bytes, "http://") || request_starts(request, bytes, "https://"))
		return request_absolute(request, bytes);
	return request_refuse(request, 400, "a target in no form that the method may have");
}

/* Whether `octet` may stand at `index` of the version and its CRLF. */
static bool request_version_octet(char octet, size_t index)
{
	static const char pattern[] = "HTTP/0.0\r\n";

	return pattern[index] == '0' ? octet_is(octet, OCTET_DIGIT) : octet == pattern[index];
}

/* The methods that RFC 1945 section 8.3 and D.1.1 want a Content-Length of. */
static bool request_wants_length(const struct request *request, const char *bytes)
{
	return request_method_is(request, bytes, "POST") ||
	       request_method_is(request, bytes, "PUT");
}

/* RFC 9112 section 2.3: case-sensitive. A higher minor version is served as 1.1 (RFC 9110, 2.5). */
static bool request_version(struct request *request, const char *bytes, size_t size)
{
	const char *version = bytes + request->at;
	size_t have = size - request->at;

	if (LIKELY(have >= 10 && memcmp(version, "HTTP/1.1\r\n", 10) == 0)) {
		request->minor = 1;
	} else {
		for (size_t i = 0; i < have && i < 10; i++) {
			if (!request_version_octet(version[i], i))
				return request_refuse(request, 400,
					i < 8 ? "a malformed HTTP version"
					      : "no CRLF behind the HTTP version");
		}
		if (have < 10)
			return false;
		if (version[5] != '1')
			return request_refuse(request, 505, "an HTTP version that is not 1.x");
		request->minor = version[7] != '0';
		request->wants_length = request->minor == 0 && request_wants_length(request, bytes);
	}
	request->at += 10;
	request->lines = 0;
	request->line_at = request->at;
	request->phase = REQUEST_FIELDS;
	return request_form(request, bytes);
}

static bool request_keep_line(struct request *request, const struct request_limits *limits,
	const char *bytes)
{
	const struct field_line *line = &request->line;
	size_t value_at = request->line_at + line->value_at;
	struct request_field *field = &request->fields[request->field_count];
	const char *reason;

	if (++request->lines > limits->fields)
		return request_refuse(request, 431, "too many field lines");
	field->name_at = (uint16_t)request->line_at;
	field->name_size = (uint16_t)line->name_size;
	field->value_at = (uint16_t)value_at;
	field->value_size = (uint16_t)octet_trim(bytes + value_at, line->size - line->value_at);
	reason = request_field_read(request, bytes, field);
	if (reason != NULL)
		return request_refuse(request, 400, reason);
	/* X_Y would be mistaken for X-Y by apps that get fields as HTTP_X_Y (RFC 3875, 4.1.18). */
	if (line->underscore && limits->refuse_underscore)
		return request_refuse(request, 400, "a field name with _");
	if (!line->underscore) {
		request->name_sizes |= (uint64_t)1 << line->name_size % 64;
		request->field_count++;
	}
	request->line_at = request->at;
	request->line = (struct field_line){0};
	return true;
}

static bool request_settle(struct request *request, const struct request_limits *limits)
{
	const char *reason = NULL;
	unsigned status = request_field_settle(request, limits, &reason);

	if (status != 0)
		return request_refuse(request, status, reason);
	request->phase = REQUEST_END;
	request->outcome = REQUEST_COMPLETE;
	request->head_size = request->at;
	return true;
}

static bool request_fields(struct request *request, const struct request_limits *limits,
	const char *bytes, size_t size)
{
	for (;;) {
		enum field_outcome outcome = field_scan(&request->line, limits->field_size,
			bytes + request->at, size - request->at);

		request->at += (uint32_t)request->line.taken;
		switch (outcome) {
		case FIELD_MORE:
			return false;
		case FIELD_LONG:
			return request_refuse(request, 431, "a field line is too long");
		case FIELD_REFUSED:
			return request_refuse(request, 400, request->line.reason);
		case FIELD_END:
			return request_settle(request, limits);
		case FIELD_LINE:
			if (!request_keep_line(request, limits, bytes))
				return false;
		}
	}
}

/* One phase after the other, as far as the bytes go. */
static void request_advance(struct request *request, const struct request_limits *limits,
	const char *bytes, size_t size)
{
	if (request->phase == REQUEST_EMPTY_LINES && !request_empty_lines(request, bytes, size))
		return;
	if (request->phase == REQUEST_METHOD && !request_method(request, bytes, size))
		return;
	if (request->phase == REQUEST_TARGET && !request_target(request, limits, bytes, size))
		return;
	if (request->phase == REQUEST_VERSION && !request_version(request, bytes, size))
		return;
	if (request->phase == REQUEST_FIELDS)
		(void)request_fields(request, limits, bytes, size);
}

enum request_outcome request_parse(struct request *request, const struct request_limits *limits,
	const char *bytes, size_t size)
{
	size_t most = size < limits->head ? size : limits->head;

	MUST(most >= request->at);
	if (request->outcome != REQUEST_INCOMPLETE)
		return request->outcome;
	request_advance(request, limits, bytes, most);
	if (request->outcome == REQUEST_INCOMPLETE && most == limits->head) {
		if (request->phase < REQUEST_FIELDS)
			(void)request_refuse(request, 414, "the request line is too long");
		else
			(void)request_refuse(request, 431, "the head is too long");
	}
	return request->outcome;
}

const struct request_field *request_field_find(const struct request *request, const char *bytes,
	const char *name, size_t size)
{
	for (size_t i = 0; i < request->field_count; i++) {
		const struct request_field *field = &request->fields[i];

		if (field->name_size == size && octet_same(bytes + field->name_at, name, size))
			return field;
	}
	return NULL;
}
