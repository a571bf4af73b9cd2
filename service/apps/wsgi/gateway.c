#include "service/apps/wsgi/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* pythonpath, and the directory that we are in. NULL with an error set. */
static struct object *search_path(const struct python *python, const struct settings *settings)
{
	struct object *path = python->Py_BuildValue("[]");
	const char *list = settings->pythonpath;
	char *here = getcwd(NULL, 0);
	const char *item;
	size_t size;
	int error = path != NULL && here != NULL ? 0 : -1;

	while (error == 0 && (item = setting_item(&list, &size)) != NULL) {
		struct object *text = python->PyUnicode_DecodeFSDefaultAndSize(item, (ssize_t)size);

		error = text != NULL ? python->PyList_Append(path, text) : -1;
		python_drop(python, &text);
	}
	if (error == 0) {
		struct object *text =
			python->PyUnicode_DecodeFSDefaultAndSize(here, (ssize_t)strlen(here));

		error = text != NULL ? python->PyList_Append(path, text) : -1;
		python_drop(python, &text);
	}
	free(here);
	if (error != 0)
		python_drop(python, &path);
	return path;
}

static int load(struct gateway *gateway, const char *name, const struct settings *settings,
	struct text *why)
{
	struct interpreter *interpreter = &gateway->interpreter;
	const struct python *python = &interpreter->python;
	struct object *path = search_path(python, settings);
	struct object *error;

	if (path != NULL)
		gateway->application =
			python->PyObject_CallFunction(interpreter->load, "sO", name, path);
	python_drop(python, &path);
	if (gateway->application != NULL)
		return 0;
	error = interpreter_take_error(interpreter);
	text_printf(why, "app \"%.256s\": ", name);
	if (error != NULL) {
		interpreter_tell(interpreter, error, why);
		interpreter_report(interpreter, error);
	}
	python_drop(python, &error);
	return -ENOEXEC;
}

static struct object *type_of(const struct python *python, const char *format)
{
	struct object *one = python->Py_BuildValue(format);
	struct object *type = one != NULL ? python_hold(python, one->type) : NULL;

	python_drop(python, &one);
	return type;
}

int gateway_open(struct gateway *gateway, const char *name, const struct settings *settings,
	const struct log *log, struct text *why)
{
	struct interpreter *interpreter = &gateway->interpreter;
	int error = interpreter_open(interpreter, settings, log, why);

	if (error == 0)
		error = load(gateway, name, settings, why);
	if (error != 0)
		return error;
	gateway->list_type = type_of(&interpreter->python, "[]");
	gateway->tuple_type = type_of(&interpreter->python, "()");
	return environ_open(&gateway->environ, interpreter, settings);
}
