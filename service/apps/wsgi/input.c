#include "service/apps/wsgi/input.h"

#include <unistd.h>

struct object *input_new(const struct interpreter *interpreter, struct narwhal_bytes body)
{
	const struct python *python = &interpreter->python;
	struct object *bytes, *input = NULL;

	if (body.size == 0)
		return python_hold(python, interpreter->nothing);
	bytes = python->PyBytes_FromStringAndSize(body.data, (ssize_t)body.size);
	if (bytes != NULL)
		input = python->PyObject_CallFunctionObjArgs(interpreter->in_memory, bytes, NULL);
	python_drop(python, &bytes);
	return input;
}

struct object *input_of_spool(const struct interpreter *interpreter, struct spool *spool)
{
	const struct buffer *bytes = &spool->bytes;
	struct object *input;

	if (spool->fd < 0)
		return input_new(interpreter, (struct narwhal_bytes){bytes->bytes, bytes->used});
	(void)lseek(spool->fd, 0, SEEK_SET);
	input = interpreter->python.PyObject_CallFunction(interpreter->open_spool, "i", spool->fd);
	if (input != NULL)
		spool->fd = -1; /* which is the file's from now on */
	return input;
}
