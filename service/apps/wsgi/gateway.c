#include "service/apps/wsgi/gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* pythonpath, and the directory that we are in. NULL with an error set. */
static struct object *search_path(const struct python *python, const struct settings *settings)
{
	struct object *path = python_list(python, settings->pythonpath);
	char *here = getcwd(NULL, 0);
	int error = path != NULL && here != NULL ? 0 : -1;

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

static int fail(struct interpreter *interpreter, const char *name, struct text *why)
{
	text_printf(why, "app \"%.256s\": ", name);
	interpreter_explain(interpreter, why);
	return -ENOEXEC;
}

static int search(struct interpreter *interpreter, const char *name,
	const struct settings *settings, struct text *why)
{
	const struct python *python = &interpreter->python;
	struct object *path = search_path(python, settings);
	struct object *result = NULL;

	if (path != NULL)
		result = python->PyObject_CallFunction(interpreter->search, "sO", name, path);
	python_drop(python, &path);
	if (result == NULL)
		return fail(interpreter, name, why);
	python_drop(python, &result);
	return 0;
}

/* The hooks' file comes first: in a worker of its own, post_fork does, too. */
static int load(struct gateway *gateway, const char *name, struct narwhal_host *host,
	struct text *why)
{
	struct interpreter *interpreter = &gateway->interpreter;
	int error = hooks_load(&gateway->hooks, interpreter, host, why);

	if (error == 0 && host_has_loop(host))
		error = hooks_fork(&gateway->hooks, why);
	if (error != 0)
		return error;
	gateway->application =
		interpreter->python.PyObject_CallFunction(interpreter->load, "s", name);
	return gateway->application != NULL ? 0 : fail(interpreter, name, why);
}

static struct object *type_of(const struct python *python, const char *format)
{
	struct object *one = python->Py_BuildValue(format);
	struct object *type = one != NULL ? python_hold(python, one->type) : NULL;

	python_drop(python, &one);
	return type;
}

int gateway_open(struct gateway *gateway, const char *name, struct narwhal_host *host,
	struct text *why)
{
	const struct settings *settings = host->settings;
	struct interpreter *interpreter = &gateway->interpreter;
	int error = interpreter_open(interpreter, host, why);

	if (error == 0)
		error = search(interpreter, name, settings, why);
	if (error == 0)
		error = load(gateway, name, host, why);
	if (error != 0)
		return error;
	gateway->list_type = type_of(&interpreter->python, "[]");
	gateway->tuple_type = type_of(&interpreter->python, "()");
	return environ_open(&gateway->environ, interpreter, settings);
}
