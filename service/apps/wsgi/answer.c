#include "service/apps/wsgi/answer.h"

#include "base/fd.h"
#include "service/view.h"

static int raise_runtime(const struct task *task, const char *message)
{
	const struct python *python = task_python(task);

	python->PyErr_SetString(python->PyExc_RuntimeError, message);
	return -1;
}

static int keep(struct task *task, const char *bytes, size_t size)
{
	if (buffer_add(&task->written, bytes, size) == 0)
		return 0;
	return raise_runtime(task, "no memory for the body");
}

/* 0, or -1 with an error set: no bytes. */
static int add_piece(struct task *task, struct object *piece)
{
	const struct python *python = task_python(task);
	char *bytes;
	ssize_t size;

	if (piece == NULL || python->PyBytes_AsStringAndSize(piece, &bytes, &size) != 0)
		return -1;
	if (!task->started.said)
		return raise_runtime(task, "start_response() was not called");
	return keep(task, bytes, (size_t)size);
}

/* All pieces of a list or tuple. */
static int join(struct task *task, struct object *(*item)(struct object *, ssize_t), ssize_t count)
{
	int error = 0;

	for (ssize_t i = 0; error == 0 && i < count; i++)
		error = add_piece(task, item(task->iterable, i));
	return error;
}

int answer_fetch(struct task *task)
{
	const struct python *python = task_python(task);
	char *bytes;
	ssize_t size = 0;

	task->bytes.size = 0;
	do {
		python_drop(python, &task->piece);
		task->piece = python->PyIter_Next(task->iterator);
		if (task->piece == NULL)
			return python->PyErr_Occurred() == NULL ? 0 : -1;
		if (python->PyBytes_AsStringAndSize(task->piece, &bytes, &size) != 0)
			return -1;
	} while (size == 0);
	task->bytes = (struct narwhal_bytes){bytes, (size_t)size};
	if (!task->started.said)
		return raise_runtime(task, "start_response() was not called");
	task->started.sent = true;
	return 0;
}

static bool has_no_body(const struct task *task)
{
	return task->request->head->head || task->response->status == 204 ||
	       task->response->status == 304;
}

/* The body has `size` bytes at least. */
static int raise_length(const struct task *task, size_t size)
{
	const struct python *python = task_python(task);

	(void)python->PyErr_Format(python->PyExc_RuntimeError,
		"Content-Length says %zu, and the body has %zu bytes", (size_t)task->started.length,
		size);
	return -1;
}

/* What is too much is not kept, and nobody misses it where there is no body. */
int answer_write(struct task *task, struct object *piece)
{
	uint64_t length = task->started.length, before = task->sent + task->written.used;
	char *bytes;
	ssize_t size;

	if (task_python(task)->PyBytes_AsStringAndSize(piece, &bytes, &size) != 0)
		return -1;
	task->started.sent = task->started.sent || size != 0;
	if (length == NARWHAL_UNKNOWN || (before <= length && (uint64_t)size <= length - before))
		return keep(task, bytes, (size_t)size);
	if (task->request != NULL && has_no_body(task))
		return 0;
	return raise_length(task, (size_t)before + (size_t)size);
}

/*
 * Adds pieces as long as they are known to fit the announced size and to be the last. An app may
 * have more without end: the first one that is too much is an error, unless nobody gets a body.
 */
static int gather(struct task *task)
{
	uint64_t length = task->started.length;
	int error = answer_fetch(task);

	while (error == 0 && task->piece != NULL && length != NARWHAL_UNKNOWN &&
		task->written.used + task->bytes.size >= length) {
		if (task->written.used + task->bytes.size > length)
			return has_no_body(task)
				       ? 0
				       : raise_length(task, task->written.used + task->bytes.size);
		error = add_piece(task, task->piece);
		if (error == 0)
			error = answer_fetch(task);
	}
	return error;
}

static enum narwhal_outcome pull_nothing(void *state, struct narwhal_stream *stream)
{
	(void)state;
	(void)stream;
	return NARWHAL_DONE;
}

/* A head without a body: its size is what that of GET has, if the app says so (RFC 9110 9.3.2). */
static int finish_head(struct task *task)
{
	static const struct narwhal_source nothing = {.pull = pull_nothing};
	uint64_t length = task->started.length;

	if (length == NARWHAL_UNKNOWN && task->written.used != 0)
		length = task->written.used;
	return narwhal_response_stream(task->response, length, &nothing, NULL) == 0
		       ? 0
		       : raise_runtime(task, "no memory for the response");
}

/* The whole body is there. */
static int finish_whole(struct task *task)
{
	struct buffer before;
	uint64_t length = task->started.length;

	if (!task->started.said)
		return raise_runtime(task, "start_response() was not called");
	if (task->request->head->head)
		return finish_head(task);
	if (length != NARWHAL_UNKNOWN && length != task->written.used && !has_no_body(task))
		return raise_length(task, task->written.used);
	before = task->response->body;
	task->response->body = task->written;
	task->written = before;
	return 0;
}

/* The rest comes later. */
static int finish_stream(struct task *task)
{
	if (task->request->head->head)
		return finish_head(task);
	if (narwhal_response_stream(task->response, task->started.length, task->source, task) != 0)
		return raise_runtime(task, "no memory for the response");
	task->fetched = true;
	task->streams = true;
	return 0;
}

/* What wsgi.file_wrapper wraps, where the kernel can send it. 1: it cannot; -1 with an error set.
 */
static int send_file(struct task *task)
{
	const struct interpreter *interpreter = &task->gateway->interpreter;
	const struct python *python = &interpreter->python;
	struct object *place =
		python->PyObject_CallFunctionObjArgs(interpreter->place, task->iterable, NULL);
	uint64_t length = task->started.length;
	long long at, size;
	int fd, error = 1;

	if (place == NULL || !task->started.said || task->written.used != 0 ||
		place == python->none || task->request->head->head) {
		error = place != NULL ? 1 : -1;
	} else if (!python->PyArg_ParseTuple(place, "iLL", &fd, &at, &size)) {
		error = -1;
	} else if (length != NARWHAL_UNKNOWN && length > (uint64_t)size) {
		error = raise_runtime(task, "Content-Length says more than the file has");
	} else {
		fd = fd_duplicate(fd);
		error = fd >= 0 && narwhal_response_file(task->response, fd, (uint64_t)at,
					   length != NARWHAL_UNKNOWN ? length : (uint64_t)size) == 0
				? 0
				: raise_runtime(task, "no descriptor or memory for the file");
	}
	python_drop(python, &place);
	return error;
}

static int iterate(struct task *task)
{
	int error;

	task->iterator = task_python(task)->PyObject_GetIter(task->iterable);
	error = task->iterator != NULL ? gather(task) : -1;
	if (error != 0)
		return error;
	return task->piece == NULL ? finish_whole(task) : finish_stream(task);
}

int answer_begin(struct task *task)
{
	const struct gateway *gateway = task->gateway;
	const struct python *python = task_python(task);
	const struct object *type = task->iterable->type;
	int error = 1;

	if (type == gateway->list_type)
		error = join(task, python->PyList_GetItem, python->PyList_Size(task->iterable));
	else if (type == gateway->tuple_type)
		error = join(task, python->PyTuple_GetItem, python->PyTuple_Size(task->iterable));
	if (error == 0)
		return finish_whole(task);
	if (error > 0 && type == gateway->interpreter.FileWrapper)
		error = send_file(task);
	return error > 0 ? iterate(task) : error;
}
