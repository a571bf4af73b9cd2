#include "service/apps/wsgi/start_response.h"

#include <string.h>

#include "base/text.h"
#include "service/field.h"
#include "service/response.h"

/* Latin-1 text of Python's as bytes: its own where it is ASCII, else those of `held`. */
struct latin1 {
	const char *bytes;
	size_t size;
	struct object *held;
};

/* -1 with an error set. */
static int read_text(const struct python *python, struct object *object, struct latin1 *text)
{
	ssize_t size;
	char *encoded;

	*text = (struct latin1){0};
	text->bytes = python->PyUnicode_AsUTF8AndSize(object, &size);
	if (text->bytes == NULL)
		return -1;
	text->size = (size_t)size;
	for (size_t i = 0; i < text->size; i++) {
		if ((unsigned char)text->bytes[i] < 0x80)
			continue;
		text->held = python->PyUnicode_AsLatin1String(object);
		if (text->held == NULL ||
			python->PyBytes_AsStringAndSize(text->held, &encoded, &size) != 0)
			return -1;
		text->bytes = encoded;
		text->size = (size_t)size;
		break;
	}
	return 0;
}

enum handling { PASSED, REFUSED, OURS, LENGTH };

static enum handling handling_of(struct narwhal_bytes name)
{
	static const struct {
		const char *name;
		size_t size;
		enum handling handling;
	} fields[] = {
#define FIELD(name, handling) {name, sizeof(name) - 1, handling},
#include "service/apps/wsgi/server_fields.def"
#undef FIELD
	};

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (fields[i].size == name.size && field_is(name, fields[i].name))
			return fields[i].handling;
	}
	return PASSED;
}

static int fail(const struct python *python, struct object *type, const char *message)
{
	python->PyErr_SetString(type, message);
	return -1;
}

/* "200 OK": its phrase is the server's to say. */
static int read_status(const struct python *python, struct narwhal_response *response,
	struct object *object)
{
	struct latin1 text;
	uint64_t status = 0;
	int error = read_text(python, object, &text);

	if (error == 0 && (text.size < 3 || text_to_uint(text.bytes, 3, 599, &status) != 0 ||
				  status < 200 || (text.size > 3 && text.bytes[3] != ' '))) {
		(void)python->PyErr_Format(python->PyExc_ValueError,
			"status %R: allowed is a number from 200 to 599, a space and a phrase",
			object);
		error = -1;
	}
	if (error == 0)
		response->status = (unsigned)status;
	python_drop(python, &text.held);
	return error;
}

static int take_length(const struct python *python, struct started *started,
	const struct latin1 *value)
{
	if (started->length == NARWHAL_UNKNOWN &&
		text_to_uint(value->bytes, value->size, UINT64_MAX - 1, &started->length) == 0)
		return 0;
	return fail(python, python->PyExc_ValueError,
		"Content-Length: allowed is one, and a number");
}

static int add_line(const struct python *python, struct narwhal_response *response,
	const struct latin1 *name, const struct latin1 *value)
{
	int error = memchr(name->bytes, '\0', name->size) == NULL &&
				    memchr(value->bytes, '\0', value->size) == NULL
			    ? response_add_line(&response->fields, name->bytes, value->bytes)
			    : -1;

	if (error == 0)
		return 0;
	(void)python->PyErr_Format(python->PyExc_ValueError,
		"response header \"%.100s\": this name, or its value, would be no valid HTTP",
		name->bytes);
	return -1;
}

static int add_field(const struct python *python, struct started *started,
	struct narwhal_response *response, const struct latin1 text[2])
{
	switch (handling_of((struct narwhal_bytes){text[0].bytes, text[0].size})) {
	case PASSED:
		return add_line(python, response, &text[0], &text[1]);
	case LENGTH:
		return take_length(python, started, &text[1]);
	case OURS:
		return 0;
	case REFUSED:
		break;
	}
	(void)python->PyErr_Format(python->PyExc_AssertionError,
		"response header \"%.100s\": hop-by-hop, and so the server's alone (PEP 3333)",
		text[0].bytes);
	return -1;
}

/* One (name, value). */
static int read_field(const struct python *python, struct started *started,
	struct narwhal_response *response, struct object *pair)
{
	struct latin1 text[2] = {{0}};
	int error;

	if (pair == NULL || python->PyTuple_Size(pair) != 2) {
		python->PyErr_Clear();
		return fail(python, python->PyExc_TypeError,
			"response headers: each must be a tuple of two strings");
	}
	error = read_text(python, python->PyTuple_GetItem(pair, 0), &text[0]);
	if (error == 0)
		error = read_text(python, python->PyTuple_GetItem(pair, 1), &text[1]);
	if (error == 0)
		error = add_field(python, started, response, text);
	python_drop(python, &text[0].held);
	python_drop(python, &text[1].held);
	return error;
}

static int read_fields(const struct python *python, struct started *started,
	struct narwhal_response *response, struct object *list)
{
	ssize_t count = python->PyList_Size(list);
	int error = 0;

	if (count < 0) {
		python->PyErr_Clear();
		return fail(python, python->PyExc_TypeError, "response headers: must be a list");
	}
	for (ssize_t i = 0; error == 0 && i < count; i++)
		error = read_field(python, started, response, python->PyList_GetItem(list, i));
	return error;
}

/* What the third argument is for: an error page, as long as nothing else is on its way. */
static int raise_again(const struct python *python, struct object *information)
{
	struct object *type, *value, *traceback;

	if (!python->PyArg_ParseTuple(information, "OOO", &type, &value, &traceback))
		return -1;
	python->PyErr_Restore(python_hold(python, type), python_hold(python, value),
		python_hold(python, traceback));
	return -1;
}

int start_response(const struct python *python, struct started *started,
	struct narwhal_response *response, struct object *arguments)
{
	const ssize_t count = python->PyTuple_Size(arguments);
	struct object *information = python->none;
	int error;

	if (count < 2 || count > 3)
		return fail(python, python->PyExc_TypeError,
			"start_response() takes a status, headers and perhaps exc_info");
	if (count == 3)
		information = python->PyTuple_GetItem(arguments, 2);
	if (started->said && information == python->none)
		return fail(python, python->PyExc_AssertionError,
			"start_response() was called before, and this time without exc_info");
	if (started->sent)
		return raise_again(python, information);
	started->said = true;
	started->length = NARWHAL_UNKNOWN;
	response->fields.used = 0;
	error = read_status(python, response, python->PyTuple_GetItem(arguments, 0));
	if (error != 0)
		return error;
	return read_fields(python, started, response, python->PyTuple_GetItem(arguments, 1));
}
