#include "service/apps/wsgi/task.h"

#include "base/fd.h"
#include "service/apps/wsgi/input.h"
#include "service/view.h"

#define WRITTEN_KEPT ((size_t)64 * 1024)

static const struct python *python_of(const struct task *task)
{
	return &task->gateway->interpreter.python;
}

/* start_response(...): returns write(). */
static struct object *on_start(void *target, struct object *arguments)
{
	struct task *task = target;
	const struct python *python = python_of(task);

	if (start_response(python, &task->started, task->response, arguments) != 0)
		return NULL;
	return python_hold(python, &task->write->head);
}

/* write(bytes): kept, as the worker never waits for a client. */
static struct object *on_write(void *target, struct object *arguments)
{
	struct task *task = target;
	const struct python *python = python_of(task);
	struct object *piece;
	char *bytes;
	ssize_t size;

	if (!python->PyArg_ParseTuple(arguments, "O", &piece) ||
		python->PyBytes_AsStringAndSize(piece, &bytes, &size) != 0)
		return NULL;
	task->started.sent = task->started.sent || size != 0;
	if (buffer_add(&task->written, bytes, (size_t)size) == 0)
		return python_hold(python, python->none);
	python->PyErr_SetString(python->PyExc_RuntimeError, "no memory for the body");
	return NULL;
}

/* An error of the app's: to the log, and to the client what can still be told. */
static void fail(struct task *task, const char *what)
{
	struct interpreter *interpreter = &task->gateway->interpreter;
	struct object *error = interpreter_take_error(interpreter);
	char bytes[1024];
	struct text text = TEXT_OVER(bytes);

	task->failed = true;
	if (error != NULL)
		interpreter_tell(interpreter, error, &text);
	log_error(&interpreter->log, what, log_string("error", bytes));
	if (error != NULL)
		interpreter_report(interpreter, error);
	python_drop(&interpreter->python, &error);
}

static int raise_runtime(const struct task *task, const char *message)
{
	const struct python *python = python_of(task);

	python->PyErr_SetString(python->PyExc_RuntimeError, message);
	return -1;
}

static bool ready_callables(struct task *task)
{
	const struct python *python = python_of(task);

	if (task->start == NULL)
		task->start = callable_new(python, on_start, task);
	if (task->write == NULL)
		task->write = callable_new(python, on_write, task);
	return task->start != NULL && task->write != NULL;
}

/* -1 with an error set: a hook wants no call of the app. */
static int begin(struct task *task, struct object *environ)
{
	const struct hooks *hooks = &task->gateway->hooks;

	if (LIKELY(!hooks->requests))
		return 0;
	task->sent = 0;
	return hooks_begin(hooks, environ, &task->exchange);
}

/* What the app returns for the request; NULL with an error set. */
static struct object *call_app(struct task *task)
{
	struct gateway *gateway = task->gateway;
	const struct python *python = python_of(task);
	struct narwhal_bytes body = narwhal_request_body(task->request);
	uint64_t size = task->body != NULL ? task->body->size : body.size;
	struct object *input = NULL, *environ = NULL, *result = NULL;

	if (ready_callables(task))
		input = task->body != NULL ? input_of_spool(&gateway->interpreter, task->body)
					   : input_new(&gateway->interpreter, body);
	if (input != NULL)
		environ = environ_new(&gateway->environ, task->request, input, size);
	if (environ != NULL && begin(task, environ) == 0)
		result = python->PyObject_CallFunctionObjArgs(gateway->application, environ,
			&task->start->head, NULL);
	python_drop(python, &environ);
	python_drop(python, &input);
	spool_free(&task->body);
	return result;
}

/* 0, or -1 with an error set: no bytes. */
static int add_piece(struct task *task, struct object *piece)
{
	const struct python *python = python_of(task);
	char *bytes;
	ssize_t size;

	if (piece == NULL || python->PyBytes_AsStringAndSize(piece, &bytes, &size) != 0)
		return -1;
	if (!task->started.said)
		return raise_runtime(task, "start_response() was not called");
	if (buffer_add(&task->written, bytes, (size_t)size) == 0)
		return 0;
	return raise_runtime(task, "no memory for the body");
}

/* All pieces of a list or tuple. */
static int join(struct task *task, struct object *(*item)(struct object *, ssize_t), ssize_t count)
{
	int error = 0;

	for (ssize_t i = 0; error == 0 && i < count; i++)
		error = add_piece(task, item(task->iterable, i));
	return error;
}

/* The next piece that is not empty, into `piece`; NULL at the end. -1 with an error set. */
static int fetch(struct task *task)
{
	const struct python *python = python_of(task);
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

/* Adds pieces as long as they are known to fit the announced size and to be the last. */
static int gather(struct task *task)
{
	uint64_t length = task->started.length;
	int error = fetch(task);

	while (error == 0 && task->piece != NULL && length != NARWHAL_UNKNOWN &&
		task->written.used + task->bytes.size >= length) {
		error = add_piece(task, task->piece);
		if (error == 0)
			error = fetch(task);
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

static bool has_no_body(const struct task *task)
{
	return task->response->status == 204 || task->response->status == 304;
}

/* The whole body is there. */
static int finish_whole(struct task *task)
{
	struct buffer before;
	const struct python *python = python_of(task);
	uint64_t length = task->started.length;

	if (!task->started.said)
		return raise_runtime(task, "start_response() was not called");
	if (task->request->head->head)
		return finish_head(task);
	if (length != NARWHAL_UNKNOWN && length != task->written.used && !has_no_body(task)) {
		(void)python->PyErr_Format(python->PyExc_RuntimeError,
			"Content-Length says %zu, and the body has %zu bytes", (size_t)length,
			task->written.used);
		return -1;
	}
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

	task->iterator = python_of(task)->PyObject_GetIter(task->iterable);
	error = task->iterator != NULL ? gather(task) : -1;
	if (error != 0)
		return error;
	return task->piece == NULL ? finish_whole(task) : finish_stream(task);
}

static int answer(struct task *task)
{
	const struct gateway *gateway = task->gateway;
	const struct python *python = python_of(task);
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

/* close() is called whatever has become of the answer. */
static void close_iterable(struct task *task)
{
	const struct python *python = python_of(task);
	struct object *close, *result;

	python_drop(python, &task->piece);
	python_drop(python, &task->iterator);
	if (task->iterable == NULL)
		return;
	if (task->iterable->type != task->gateway->list_type &&
		task->iterable->type != task->gateway->tuple_type) {
		close = python->PyObject_GetAttrString(task->iterable, "close");
		result = close != NULL ? python->PyObject_CallFunctionObjArgs(close, NULL) : NULL;
		if (close == NULL)
			python->PyErr_Clear();
		else if (result == NULL)
			fail(task, "app_close_error");
		python_drop(python, &result);
		python_drop(python, &close);
	}
	python_drop(python, &task->iterable);
}

/* The next request finds them as new, unless the app has kept one of them. */
static void settle_callables(struct task *task)
{
	const struct python *python = python_of(task);

	if (task->start != NULL && !callable_is_ours(task->start))
		callable_retire(python, &task->start);
	if (task->write != NULL && !callable_is_ours(task->write))
		callable_retire(python, &task->write);
}

/* A little memory stays for the next request. */
static void forget_written(struct task *task)
{
	task->written.used = 0;
	if (task->written.size > WRITTEN_KEPT)
		buffer_free(&task->written);
}

static void close_all(struct task *task)
{
	close_iterable(task);
	if (UNLIKELY(task->exchange != NULL))
		hooks_complete(&task->gateway->hooks, &task->exchange, task->sent);
	forget_written(task);
	settle_callables(task);
}

static void do_call(struct task *task)
{
	task->started = (struct started){.length = NARWHAL_UNKNOWN};
	task->failed = false;
	task->fetched = false;
	task->streams = false;
	task->iterable = call_app(task);
	if (task->iterable == NULL || answer(task) != 0) {
		fail(task, "app_error");
		response_error(task->response, 500);
	}
	if (UNLIKELY(task->exchange != NULL))
		task->sent = hooks_answer(&task->gateway->hooks, task->exchange, task->response);
	if (!task->streams)
		close_all(task);
}

static void do_next(struct task *task)
{
	if (fetch(task) != 0)
		fail(task, "app_error");
	task->fetched = true;
}

static void do_in_context(struct task *task, enum task_work work)
{
	switch (work) {
	case TASK_CALL:
		do_call(task);
		break;
	case TASK_NEXT:
		do_next(task);
		break;
	case TASK_CLOSE:
		close_all(task);
		break;
	}
	if (task->gateway->interpreter.forked)
		interpreter_report(&task->gateway->interpreter, NULL);
}

/*
 * A context is used again, as a thread's would be; but an answer that comes in pieces keeps its own
 * until it ends. Without memory for one it goes on in the thread's.
 */
void task_do(struct task *task, enum task_work work)
{
	const struct python *python = python_of(task);
	bool entered;

	if (task->context == NULL)
		task->context = python->PyContext_CopyCurrent();
	entered = task->context != NULL && python->PyContext_Enter(task->context) == 0;
	if (!entered)
		python->PyErr_Clear();
	do_in_context(task, work);
	if (entered)
		(void)python->PyContext_Exit(task->context);
	if (work == TASK_CLOSE)
		python_drop(python, &task->context);
}

void task_close(struct task *task)
{
	const struct python *python = python_of(task);

	callable_retire(python, &task->start);
	callable_retire(python, &task->write);
}
