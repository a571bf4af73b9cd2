#include "service/apps/wsgi/grants.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One with a comma in it no LIST can hold. */
static int add(struct buffer *list, const char *path)
{
	int error = 0;

	if (*path == '\0' || strchr(path, ',') != NULL || access(path, F_OK) != 0)
		return 0;
	if (list->used != 0)
		error = buffer_add(list, ",", 1);
	return error == 0 ? buffer_add(list, path, strlen(path)) : error;
}

/* Those that a function of narwhal.py names. */
static int add_all(struct buffer *paths, const struct python *python, struct object *function)
{
	struct object *list = python->PyObject_CallFunctionObjArgs(function, NULL);
	ssize_t count = list != NULL ? python->PyList_Size(list) : 0;
	int error = 0;

	for (ssize_t i = 0; error == 0 && i < count; i++) {
		const char *path =
			python->PyUnicode_AsUTF8AndSize(python->PyList_GetItem(list, i), NULL);

		error = path != NULL ? add(paths, path) : 0;
	}
	python_drop(python, &list);
	python->PyErr_Clear();
	return error;
}

/* The directory that the app is run in is its own; but not when that is everything. */
static int add_here(struct grants *grants)
{
	char here[PATH_MAX];

	if (getcwd(here, sizeof(here)) == NULL || strcmp(here, "/") == 0)
		return 0;
	return add(&grants->write_paths, here);
}

int grants_open(struct grants *grants, const struct interpreter *interpreter)
{
	const char *temporary = getenv("TMPDIR");
	const struct python *python = &interpreter->python;
	int error = add_all(&grants->read_paths, python, interpreter->module_paths);

	if (error == 0)
		error = add_all(&grants->run_paths, python, interpreter->prefixes);
#define GRANT(name, what, path) error = error == 0 ? add(&grants->what##_paths, path) : error;
#include "service/apps/wsgi/paths.def"
#undef GRANT
	if (error == 0 && temporary != NULL)
		error = add(&grants->write_paths, temporary);
	if (error == 0)
		error = add_here(grants);
	if (error == 0)
		error = buffer_add(&grants->run_paths, "", 1);
	if (error == 0)
		error = buffer_add(&grants->read_paths, "", 1);
	return error == 0 ? buffer_add(&grants->write_paths, "", 1) : error;
}

void grants_close(struct grants *grants)
{
	buffer_free(&grants->run_paths);
	buffer_free(&grants->read_paths);
	buffer_free(&grants->write_paths);
}
