#include "service/apps/wsgi/environ.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/field.h"
#include "service/view.h"

static int add_base(const struct environ *environ, const char *key, struct object *value)
{
	const struct python *python = environ->python;
	int error = value != NULL ? python->PyDict_SetItemString(environ->base, key, value) : -1;

	python_drop(python, &value);
	return error == 0 ? 0 : -ENOMEM;
}

int environ_open(struct environ *environ, const struct interpreter *interpreter,
	const struct settings *settings)
{
	const struct python *python = &interpreter->python;
	int error = 0;

	environ->python = python;
	environ->keys = (struct memo){.python = python, .make = memo_key};
	environ->texts = (struct memo){.python = python, .make = memo_text};
	environ->base = python->PyDict_New();
	if (environ->base == NULL)
		return -ENOMEM;
#define BASE(key, ...)  \
	if (error == 0) \
		error = add_base(environ, key, python->Py_BuildValue(__VA_ARGS__));
#define RARE(member, key)                                          \
	environ->member = python->PyUnicode_InternFromString(key); \
	error = environ->member != NULL ? error : -ENOMEM;
#define KEY(member, key) RARE(member, key) BASE(key, "s", "")
#include "service/apps/wsgi/environ.def"
#undef KEY
#undef RARE
#undef BASE
	return error;
}

/* One environment while it is made. */
struct making {
	struct environ *environ;
	const struct narwhal_request *request;
	struct object *dict;
	bool failed; /* an error is set */
};

/* Takes `value`. */
static void put(struct making *making, struct object *key, struct object *value)
{
	const struct python *python = making->environ->python;

	if (value == NULL || python->PyDict_SetItem(making->dict, key, value) != 0)
		making->failed = true;
	python_drop(python, &value);
}

static void put_text(struct making *making, struct object *key, struct narwhal_bytes bytes)
{
	put(making, key, memo_text(making->environ->python, bytes));
}

/* What many requests have alike. */
static void put_usual(struct making *making, struct object *key, struct narwhal_bytes bytes)
{
	put(making, key, memo_get(&making->environ->texts, bytes));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* PATH_INFO: its escapes decoded (RFC 3875 section 4.1.5); what is none stays as it is. */
static void put_path(struct making *making, struct narwhal_bytes path)
{
	char *bytes;
	size_t size = 0;

	if (memchr(path.data, '%', path.size) == NULL) {
		put_text(making, making->environ->path, path);
		return;
	}
	bytes = malloc(path.size);
	for (size_t i = 0; bytes != NULL && i < path.size; i++) {
		int high =
			path.data[i] == '%' && i + 2 < path.size ? hex_digit(path.data[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(path.data[i + 2]) : -1;

		bytes[size++] = (char)(low >= 0 ? high << 4 | low : path.data[i]);
		i += low >= 0 ? 2 : 0;
	}
	put_text(making, making->environ->path, (struct narwhal_bytes){bytes, size});
	free(bytes);
}

/* "name:port", "[v6]:port", either without a port: the name without brackets, what is behind. */
static struct narwhal_bytes split_port(struct narwhal_bytes *address)
{
	struct narwhal_bytes port = {NULL, 0};
	const char *end = address->data + address->size;
	const char *colon = memrchr(address->data, ':', address->size);
	const char *bracket = memrchr(address->data, ']', address->size);

	if (colon != NULL && (bracket == NULL || colon > bracket)) {
		port = (struct narwhal_bytes){colon + 1, (size_t)(end - colon - 1)};
		address->size = (size_t)(colon - address->data);
	}
	if (bracket != NULL && address->data[0] == '[')
		*address = (struct narwhal_bytes){address->data + 1,
			(size_t)(bracket - address->data - 1)};
	return port;
}

#define BYTES(literal) ((struct narwhal_bytes){literal, sizeof(literal) - 1})

/* As the client names us, which is what links are made of; else our own address. */
static void put_server(struct making *making)
{
	const struct environ *environ = making->environ;
	struct narwhal_bytes scheme = narwhal_request_scheme(making->request);
	struct narwhal_bytes name = narwhal_request_host(making->request);
	struct narwhal_bytes port;
	bool secure = scheme.size == sizeof("https") - 1;

	if (name.size == 0)
		name = narwhal_request_local(making->request);
	port = split_port(&name);
	if (port.size == 0)
		port = secure ? BYTES("443") : BYTES("80");
	put_usual(making, environ->server_name, name);
	put_usual(making, environ->server_port, port);
	if (secure)
		put_usual(making, environ->scheme, scheme);
}

/* The client, as trusted proxies tell it. A unix socket's has no address. */
static void put_peer(struct making *making)
{
	struct narwhal_bytes address = narwhal_request_peer(making->request);
	struct narwhal_bytes port = split_port(&address);

	if (port.size == 0 && field_is(address, "unix"))
		address.size = 0;
	put_usual(making, making->environ->remote_address, address);
	if (port.size != 0)
		put_text(making, making->environ->remote_port, port);
}

/* A field that came before: one value behind the other (RFC 9110 section 5.3; RFC 6265 5.4). */
static void join_field(struct making *making, struct object *key, struct narwhal_bytes name,
	struct object *before, struct object *value)
{
	const struct python *python = making->environ->python;

	put(making, key,
		python->PyUnicode_FromFormat(field_is(name, "cookie") ? "%U; %U" : "%U,%U", before,
			value));
}

static void put_field(struct making *making, struct narwhal_bytes name, struct narwhal_bytes text)
{
	const struct python *python = making->environ->python;
	struct object *key = memo_get(&making->environ->keys, name);
	struct object *value = memo_text(python, text);
	struct object *there = NULL;
	ssize_t before = python->PyDict_Size(making->dict);

	if (key != NULL && value != NULL)
		there = python->PyDict_SetDefault(making->dict, key, value);
	if (there == NULL)
		making->failed = true;
	else if (python->PyDict_Size(making->dict) == before)
		join_field(making, key, name, there, value);
	python_drop(python, &key);
	python_drop(python, &value);
}

/* The body has lost its coding by now, and has a length. */
static void put_fields(struct making *making, uint64_t size)
{
	const struct narwhal_request *request = making->request;
	bool chunked = request->head->framing == REQUEST_BODY_CHUNKED;
	struct narwhal_bytes name, value;

	for (size_t i = 0; narwhal_request_field_at(request, i, &name, &value) != 0; i++) {
		if (!chunked || !field_is(name, "transfer-encoding"))
			put_field(making, name, value);
	}
	if (chunked)
		put(making, making->environ->content_length,
			making->environ->python->PyUnicode_FromFormat("%zu", (size_t)size));
}

static void put_request_line(struct making *making)
{
	struct environ *environ = making->environ;
	const struct narwhal_request *request = making->request;
	struct narwhal_bytes query = narwhal_request_query(request);
	struct object *target = memo_text(environ->python, narwhal_request_target(request));

	put_usual(making, environ->method, narwhal_request_method(request));
	put_path(making, narwhal_request_path(request));
	if (query.size != 0)
		put_text(making, environ->query, query);
	if (request->head->minor == 0)
		put_usual(making, environ->protocol, BYTES("HTTP/1.0"));
	if (target != NULL)
		put(making, environ->raw_uri, python_hold(environ->python, target));
	put(making, environ->request_uri, target);
}

struct object *environ_new(struct environ *environ, const struct narwhal_request *request,
	struct object *input, uint64_t size)
{
	const struct python *python = environ->python;
	struct making making = {
		.environ = environ,
		.request = request,
		.dict = python->PyDict_Copy(environ->base),
	};

	if (making.dict == NULL)
		return NULL;
	put_request_line(&making);
	put_server(&making);
	put_peer(&making);
	put_fields(&making, size);
	put(&making, environ->input, python_hold(python, input));
	if (making.failed)
		python_drop(python, &making.dict);
	return making.dict;
}
