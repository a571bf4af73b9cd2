#include "service/apps/wsgi/task.h"

#include "service/apps/wsgi/answer.h"
#include "service/apps/wsgi/context.h"
#include "service/apps/wsgi/input.h"

#define WRITTEN_KEPT ((size_t)64 * 1024)

/* start_response(...): returns write(). */
static struct object *on_start(void *target, struct object *arguments)
{
	struct task *task = target;
	const struct python *python = task_python(task);

	if (start_response(python, &task->started, task->response, arguments) != 0)
		return NULL;
	return python_hold(python, &task->write->head);
}

/* write(bytes): kept, as the worker never waits for a client. */
static struct object *on_write(void *target, struct object *arguments)
{
	struct task *task = target;
	const struct python *python = task_python(task);
	struct object *piece;

	if (!python->PyArg_ParseTuple(arguments, "O", &piece) || answer_write(task, piece) != 0)
		return NULL;
	return python_hold(python, python->none);
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

static bool ready_callables(struct task *task)
{
	const struct python *python = task_python(task);

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
	return hooks_begin(hooks, environ, &task->exchange);
}

/* What the app returns for the request; NULL with an error set. */
static struct object *call_app(struct task *task)
{
	struct gateway *gateway = task->gateway;
	const struct python *python = task_python(task);
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

/* close() is called whatever has become of the answer. */
static void close_iterable(struct task *task)
{
	const struct python *python = task_python(task);
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
	const struct python *python = task_python(task);

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
	task->sent = 0;
	task->iterable = call_app(task);
	if (task->iterable == NULL || answer_begin(task) != 0) {
		fail(task, "app_error");
		response_error(task->response, 500);
	}
	if (UNLIKELY(task->exchange != NULL))
		task->sent = hooks_answer(&task->gateway->hooks, task->exchange, task->response);
	if (!task->streams)
		close_all(task);
	task->request = NULL;
	task->response = NULL;
}

static void do_next(struct task *task)
{
	if (answer_fetch(task) != 0)
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

void task_do(struct task *task, enum task_work work)
{
	const struct python *python = task_python(task);
	bool entered;

	if (work == TASK_CALL)
		context_take(python, &task->context, task->spare_context);
	entered = task->context != NULL && python->PyContext_Enter(task->context) == 0;
	if (!entered)
		python->PyErr_Clear();
	do_in_context(task, work);
	if (entered)
		(void)python->PyContext_Exit(task->context);
	if (work == TASK_CALL && !task->streams)
		context_spare(&task->context, task->spare_context);
	else if (work == TASK_CLOSE)
		python_drop(python, &task->context);
}
