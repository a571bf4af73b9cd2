/*
 * A message against a second, independent parser: llhttp, strict, no leniency, as Debian ships it.
 * What we accept it accepts, with the same method, target, version, fields, framing, persistence,
 * body and end; each difference that is allowed is a row of request_llhttp.def. What we refuse it
 * may accept: it is the laxer one.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <llhttp.h>

#include "service/chunked.h"
#include "service/octet.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/head.h"

/* The lines of a head and of a trailer section, at most, and one more. */
#define FIELDS_MAX 256

struct field {
	struct narwhal_bytes name, value;
};

/* What one of both understood. */
struct message {
	bool head;	  /* what follows, down to content_length */
	unsigned refused; /* behind the head: our status, or llhttp's error */
	bool whole;	  /* the body too */
	size_t end;	  /* where the next message begins; of what is refused, where */
	struct narwhal_bytes method, target;
	unsigned minor;
	struct field *fields;
	size_t field_count;
	bool keep_alive;
	enum request_framing framing;
	uint64_t content_length;
	char *body;
	size_t body_size;
};

#define TRANSLATED(name, reason) \
	static void translate_##name(const struct request *request, char *bytes, size_t *size);
#define EXCUSED(name, reason)                                                             \
	static bool excused_##name(const struct message *ours, const struct message *its, \
		const char *bytes);
#include "tests/fuzz/request_llhttp.def"
#undef EXCUSED
#undef TRANSLATED

static struct message message_new(size_t size)
{
	struct message message = {
		.fields = calloc(FIELDS_MAX, sizeof(*message.fields)),
		.body = malloc(size + 1),
	};

	MUST(message.fields != NULL && message.body != NULL);
	return message;
}

static void message_free(struct message *message)
{
	free(message->fields);
	free(message->body);
}

static bool bytes_same(struct narwhal_bytes a, struct narwhal_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* What we make of the bytes. */

static struct narwhal_bytes span_bytes(const char *bytes, struct request_span span)
{
	return (struct narwhal_bytes){bytes + span.at, span.size};
}

static void our_head(struct message *ours, const struct request *request, const char *bytes)
{
	ours->head = true;
	ours->end = request->head_size;
	ours->method = span_bytes(bytes, request->method);
	ours->target = span_bytes(bytes, request->target);
	ours->minor = request->minor;
	ours->field_count = request->field_count;
	for (size_t i = 0; i < request->field_count; i++) {
		const struct request_field *field = &request->fields[i];

		ours->fields[i] = (struct field){
			{bytes + field->name_at, field->name_size},
			{bytes + field->value_at, field->value_size},
		};
	}
	ours->keep_alive = request->keep_alive;
	ours->framing = request->framing;
	ours->content_length = request->content_length;
}

static void our_chunked(struct message *ours, const struct request_limits *limits, size_t have)
{
	struct chunked chunked;

	chunked_reset(&chunked);
	ours->whole = chunked_decode(&chunked, limits, ours->body, have) == CHUNKED_DONE;
	ours->refused = chunked.status;
	ours->body_size = chunked.produced;
	ours->end += chunked.consumed;
}

static void our_body(struct message *ours, const struct request_limits *limits, const char *bytes,
	size_t size)
{
	size_t have = size - ours->end;

	memcpy(ours->body, bytes + ours->end, have);
	if (ours->framing == REQUEST_BODY_CHUNKED) {
		our_chunked(ours, limits, have);
		return;
	}
	ours->whole = have >= ours->content_length;
	ours->body_size = ours->whole ? ours->content_length : have;
	ours->end += ours->body_size;
}

/* What llhttp makes of them, by what it calls. */

static struct message *message_of(const llhttp_t *parser)
{
	return parser->data;
}

/* A span may come in pieces, one right behind the other. */
static int span_add(struct narwhal_bytes *span, const char *at, size_t size)
{
	MUST(span->data == NULL || span->data + span->size == at);
	if (span->data == NULL)
		span->data = at;
	span->size += size;
	return 0;
}

static int on_method(llhttp_t *parser, const char *at, size_t size)
{
	return span_add(&message_of(parser)->method, at, size);
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
	return span_add(&message_of(parser)->target, at, size);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t size)
{
	struct message *its = message_of(parser);

	MUST(its->field_count < FIELDS_MAX);
	return its->head ? 0 : span_add(&its->fields[its->field_count].name, at, size);
}

static int on_header_value(llhttp_t *parser, const char *at, size_t size)
{
	struct message *its = message_of(parser);

	return its->head ? 0 : span_add(&its->fields[its->field_count].value, at, size);
}

/* Without those that have "_" in their names, as we leave them out, and without trailers. */
static int on_header_value_complete(llhttp_t *parser)
{
	struct message *its = message_of(parser);
	struct field *field = &its->fields[its->field_count];

	if (its->head)
		return 0;
	field->value.size = octet_trim(field->value.data, field->value.size);
	if (memchr(field->name.data, '_', field->name.size) == NULL)
		its->field_count++;
	else
		*field = (struct field){{NULL, 0}, {NULL, 0}};
	return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
	struct message *its = message_of(parser);

	its->head = true;
	its->minor = parser->http_minor;
	its->keep_alive = llhttp_should_keep_alive(parser) != 0;
	its->content_length = parser->content_length;
	if ((parser->flags & F_CHUNKED) != 0)
		its->framing = REQUEST_BODY_CHUNKED;
	else if (parser->content_length > 0)
		its->framing = REQUEST_BODY_SIZED;
	return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
	struct message *its = message_of(parser);

	memcpy(its->body + its->body_size, at, size);
	its->body_size += size;
	return 0;
}

static int on_message_complete(llhttp_t *parser)
{
	message_of(parser)->whole = true;
	return HPE_PAUSED;
}

static void its_reading(struct message *its, const char *bytes, size_t size)
{
	static const llhttp_settings_t settings = {
		.on_method = on_method,
		.on_url = on_url,
		.on_header_field = on_header_field,
		.on_header_value = on_header_value,
		.on_header_value_complete = on_header_value_complete,
		.on_headers_complete = on_headers_complete,
		.on_body = on_body,
		.on_message_complete = on_message_complete,
	};
	llhttp_t parser;
	enum llhttp_errno error;

	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = its;
	error = llhttp_execute(&parser, bytes, size);
	its->refused = error == HPE_PAUSED ? HPE_OK : error;
	if (error != HPE_OK)
		its->end = (size_t)(llhttp_get_error_pos(&parser) - bytes);
}

/* The rows of request_llhttp.def. */

static bool known_method(struct narwhal_bytes method)
{
	static const char *const names[] = {
#define NAME(number, name, string) #string,
		HTTP_METHOD_MAP(NAME)
#undef NAME
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (bytes_same(method, (struct narwhal_bytes){names[i], strlen(names[i])}))
			return true;
	}
	return false;
}

static void translate_method(const struct request *request, char *bytes, size_t *size)
{
	size_t at = request->method.at, end = at + request->method.size;

	if (known_method(span_bytes(bytes, request->method)))
		return;
	memmove(bytes + at + strlen("POST"), bytes + end, *size - end);
	memcpy(bytes + at, "POST", strlen("POST"));
	*size = *size - request->method.size + strlen("POST");
}

static void translate_minor_version(const struct request *request, char *bytes, size_t *size)
{
	size_t digit = request->target.at + (size_t)request->target.size + strlen(" HTTP/1.");

	(void)size;
	if (request->minor == 1)
		bytes[digit] = '1';
}

/* llhttp looks into the values of these alone. */
static bool known_field(struct narwhal_bytes name)
{
	static const char *const names[] = {"connection", "content-length", "transfer-encoding"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (name.size == strlen(names[i]) &&
			strncasecmp(name.data, names[i], name.size) == 0)
			return true;
	}
	return false;
}

static void translate_field_tabs(const struct request *request, char *bytes, size_t *size)
{
	(void)size;
	for (size_t i = 0; i < request->field_count; i++) {
		const struct request_field *field = &request->fields[i];
		size_t end = field->name_at + (size_t)field->name_size;

		if (!known_field((struct narwhal_bytes){bytes + field->name_at, field->name_size}))
			continue;
		for (size_t at = end; bytes[at] != '\r'; at++) {
			if (bytes[at] == '\t')
				bytes[at] = ' ';
		}
	}
}

static bool excused_close_and_persist(const struct message *ours, const struct message *its,
	const char *bytes)
{
	(void)bytes;
	return ours->minor == 0 && !ours->keep_alive && its->keep_alive;
}

/* The error is in a line with an extension. */
static bool excused_chunk_extension(const struct message *ours, const struct message *its,
	const char *bytes)
{
	size_t at = its->end;

	if (ours->framing != REQUEST_BODY_CHUNKED ||
		(its->refused != HPE_STRICT && its->refused != HPE_INVALID_CHUNK_SIZE))
		return false;
	while (bytes[at - 1] != '\n')
		at--;
	while (bytes[at] != '\r' && bytes[at] != ';')
		at++;
	return bytes[at] == ';';
}

/* Both beside each other. */

static void compare_heads(const struct message *ours, const struct message *its, const char *bytes)
{
	MUST(its->head);
	MUST(bytes_same(ours->method, its->method));
	MUST(bytes_same(ours->target, its->target));
	MUST(ours->minor == its->minor);
	MUST(ours->field_count == its->field_count);
	for (size_t i = 0; i < ours->field_count; i++) {
		MUST(bytes_same(ours->fields[i].name, its->fields[i].name));
		MUST(bytes_same(ours->fields[i].value, its->fields[i].value));
	}
	MUST(ours->framing == its->framing);
	MUST(ours->framing != REQUEST_BODY_SIZED || ours->content_length == its->content_length);
	MUST(ours->keep_alive == its->keep_alive || excused_close_and_persist(ours, its, bytes));
}

/* What we do not have as a whole llhttp may refuse already; but it may not see an end there. */
static void compare_bodies(const struct message *ours, const struct message *its, const char *bytes)
{
	if (!ours->whole) {
		MUST(!its->whole || ours->refused != 0);
		return;
	}
	if (its->refused != HPE_OK) {
		MUST(excused_chunk_extension(ours, its, bytes));
		return;
	}
	MUST(its->whole && ours->end == its->end && ours->body_size == its->body_size);
	MUST(memcmp(ours->body, its->body, its->body_size) == 0);
}

static void check_message(const struct request *request, const struct request_limits *limits,
	const char *bytes, size_t size)
{
	struct message ours = message_new(size), its = message_new(size);

	our_head(&ours, request, bytes);
	our_body(&ours, limits, bytes, size);
	its_reading(&its, bytes, size);
	compare_heads(&ours, &its, bytes);
	compare_bodies(&ours, &its, bytes);
	message_free(&ours);
	message_free(&its);
}

static bool parses(struct request *request, const struct request_limits *limits, const char *bytes,
	size_t size)
{
	request_reset(request);
	return request_parse(request, limits, bytes, size) == REQUEST_COMPLETE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct request_limits *limits = fuzz_limits(fuzz_seed(data, size));
	struct request *request = fuzz_request(limits);
	char *bytes = malloc(size + strlen("POST"));

	MUST(bytes != NULL);
	memcpy(bytes, data, size);
	if (parses(request, limits, bytes, size)) {
		translate_field_tabs(request, bytes, &size);
		translate_minor_version(request, bytes, &size);
		translate_method(request, bytes, &size);
		/* The translation may be longer than the limits allow. */
		if (parses(request, limits, bytes, size))
			check_message(request, limits, bytes, size);
	}
	free(bytes);
	free(request);
	return 0;
}
