#include "service/apps/wsgi/hooks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/heritage.h"
#include "service/apps/wsgi/script.h"
#include "service/response.h"

#define MS_OF_SECOND 1000

static const struct python *python_of(const struct hooks *hooks)
{
	return &hooks->interpreter->python;
}

static struct object *text_of(const struct python *python, const char *text)
{
	if (text == NULL)
		return python_hold(python, python->none);
	return python->PyUnicode_DecodeFSDefaultAndSize(text, (ssize_t)strlen(text));
}

static struct object *duration_of(const struct python *python, uint64_t ms)
{
	if (ms % MS_OF_SECOND == 0)
		return python->Py_BuildValue("K", (unsigned long long)(ms / MS_OF_SECOND));
	return python->Py_BuildValue("d", (double)ms / MS_OF_SECOND);
}

static struct object *choice_of(const struct python *python, const struct setting *row,
	uint64_t value)
{
	char bytes[64];
	struct text text = TEXT_OVER(bytes);

	setting_add_choice(row, value, &text);
	return text_of(python, bytes);
}

/* A setting as Python has such things. NULL with an error set. */
static struct object *value_of(const struct python *python, const struct setting *row,
	const struct settings *settings)
{
	const void *field = (const char *)settings + row->offset;
	uint64_t number;

	if (setting_is_list(row))
		return python_list(python, *(const char *const *)field);
	if (setting_is_text(row))
		return text_of(python, *(const char *const *)field);
	if (row->type == SETTING_SWITCH)
		return python->PyBool_FromLong(*(const bool *)field);
	number = *(const uint64_t *)field;
	if (row->type == SETTING_DURATION)
		return duration_of(python, number);
	if (row->type == SETTING_CHOICE)
		return choice_of(python, row, number);
	return python->Py_BuildValue("K", (unsigned long long)number);
}

/* By name. NULL with an error set. */
static struct object *all_settings(const struct python *python, const struct settings *settings)
{
	struct object *all = python->PyDict_New();

	for (size_t i = 0; all != NULL && i < SETTINGS; i++) {
		struct object *value = value_of(python, &settings_table[i], settings);

		if (value == NULL ||
			python->PyDict_SetItemString(all, settings_table[i].name, value) != 0)
			python_drop(python, &all);
		python_drop(python, &value);
	}
	return all;
}

static bool take_all(struct hooks *hooks)
{
	bool found = true;

#define SCRIPT(name)                                              \
	hooks->name = interpreter_get(hooks->interpreter, #name); \
	found = found && hooks->name != NULL;
#include "service/apps/wsgi/hooks.def"
#undef SCRIPT
	return found;
}

/* False with an error set. */
static bool run_script(struct hooks *hooks)
{
	struct interpreter *interpreter = hooks->interpreter;
	const struct python *python = &interpreter->python;
	struct object *settings = all_settings(python, hooks->host->settings);
	bool done = settings != NULL &&
		    python->PyDict_SetItemString(interpreter->module, "_settings", settings) == 0;

	python_drop(python, &settings);
	return done && interpreter_run(interpreter, script_hooks, "<narwhal>") && take_all(hooks);
}

/* A zygote, or else the first worker, speaks for all. */
static bool speaks_for_all(const struct narwhal_host *host)
{
	return !host_has_loop(host) || host->heritage->slot == 0;
}

/* What a hook's failure says, when it keeps the worker from booting. */
static int fail(struct hooks *hooks, const char *what, struct text *why)
{
	text_printf(why, "gunicorn_conf \"%.512s\"%s: ", hooks->host->settings->gunicorn_conf,
		what);
	interpreter_explain(hooks->interpreter, why);
	return -ENOEXEC;
}

int hooks_load(struct hooks *hooks, struct interpreter *interpreter, struct narwhal_host *host,
	struct text *why)
{
	const struct python *python = &interpreter->python;
	struct object *requests = NULL, *path = NULL;

	*hooks = (struct hooks){.interpreter = interpreter, .host = host, .signal_fd = -1};
	if (host->settings->gunicorn_conf == NULL)
		return 0;
	if (run_script(hooks))
		path = text_of(python, host->settings->gunicorn_conf);
	if (path != NULL)
		requests = python->PyObject_CallFunction(hooks->read_hooks, "Oi", path,
			speaks_for_all(host));
	python_drop(python, &path);
	if (requests == NULL)
		return fail(hooks, "", why);
	hooks->there = true;
	hooks->requests = python->PyLong_AsLong(requests) != 0;
	python_drop(python, &requests);
	return 0;
}

/* Python runs its handlers in this thread alone, which may be waiting in the loop. */
static void take_signals(void *state, unsigned events)
{
	struct hooks *hooks = state;
	const struct python *python = python_of(hooks);
	char numbers[64];

	(void)events;
	(void)!read(hooks->signal_fd, numbers, sizeof(numbers));
	interpreter_enter(hooks->interpreter);
	if (python->PyErr_CheckSignals() != 0)
		python->PyErr_Clear();
	interpreter_leave(hooks->interpreter);
}

/* worker_abort. -1 with an error set. */
static int await_abort(struct hooks *hooks)
{
	const struct python *python = python_of(hooks);
	struct object *fd = python->PyObject_CallFunctionObjArgs(hooks->hook_abort, NULL);

	if (fd == NULL)
		return -1;
	hooks->signal_fd = (int)python->PyLong_AsLong(fd);
	python_drop(python, &fd);
	if (hooks->signal_fd < 0)
		return 0;
	hooks->watch = narwhal_watch_new(hooks->host, hooks->signal_fd, take_signals, hooks);
	if (hooks->watch != NULL && narwhal_watch_for(hooks->watch, NARWHAL_READABLE) == 0)
		return 0;
	python->PyErr_SetString(python->PyExc_RuntimeError, "SIGABRT cannot be waited for");
	return -1;
}

int hooks_fork(struct hooks *hooks, struct text *why)
{
	const struct python *python = python_of(hooks);
	struct object *result;

	if (!hooks->there)
		return 0;
	hooks->forked = true;
	if (await_abort(hooks) != 0)
		return fail(hooks, ", worker_abort", why);
	result = python->PyObject_CallFunction(hooks->hook_fork, "i",
		(int)hooks->host->heritage->slot);
	if (result == NULL)
		return fail(hooks, ", post_fork", why);
	python_drop(python, &result);
	return 0;
}

int hooks_start(struct hooks *hooks, struct object **application, struct text *why)
{
	const struct python *python = python_of(hooks);
	int error = hooks->forked ? 0 : hooks_fork(hooks, why);
	struct object *result;

	if (error != 0 || !hooks->there)
		return error;
	result = python->PyObject_CallFunctionObjArgs(hooks->hook_ready, *application, NULL);
	if (result == NULL)
		return fail(hooks, ", post_worker_init", why);
	python_drop(python, application);
	*application = result;
	return 0;
}

void hooks_leave(struct hooks *hooks)
{
	const struct python *python = python_of(hooks);
	struct object *result;

	if (!hooks->there)
		return;
	narwhal_watch_free(hooks->watch);
	hooks->watch = NULL;
	result = python->PyObject_CallFunction(hooks->hook_leave, "i", hooks->host->at_once);
	python_drop(python, &result);
	python->PyErr_Clear();
}

int hooks_begin(const struct hooks *hooks, struct object *environment, struct object **exchange)
{
	const struct python *python = python_of(hooks);
	struct object *result = NULL;

	*exchange = python->PyObject_CallFunctionObjArgs(hooks->Exchange, environment, NULL);
	if (*exchange != NULL)
		result = python->PyObject_CallFunctionObjArgs(hooks->hook_before, *exchange, NULL);
	if (result == NULL)
		return -1;
	python_drop(python, &result);
	return 0;
}

uint64_t hooks_answer(const struct hooks *hooks, struct object *exchange,
	const struct narwhal_response *response)
{
	const struct python *python = python_of(hooks);
	uint64_t size = response_size(response);
	struct object *length = size != NARWHAL_UNKNOWN
					? python->Py_BuildValue("K", (unsigned long long)size)
					: python_hold(python, python->none);
	struct object *fields = python->PyBytes_FromStringAndSize(response->fields.bytes,
		(ssize_t)response->fields.used);
	struct object *result = NULL;

	if (length != NULL && fields != NULL)
		result = python->PyObject_CallFunction(hooks->hook_answer, "OIOO", exchange,
			response->status, fields, length);
	python_drop(python, &result);
	python_drop(python, &fields);
	python_drop(python, &length);
	python->PyErr_Clear();
	return response->stream == NULL ? size : 0;
}

void hooks_complete(const struct hooks *hooks, struct object **exchange, uint64_t sent)
{
	const struct python *python = python_of(hooks);
	struct object *result;

	if (hooks->interpreter->forked) /* a child of the app's tells nothing of it */
		return;
	result = python->PyObject_CallFunction(hooks->hook_after, "OK", *exchange,
		(unsigned long long)sent);
	python_drop(python, &result);
	python_drop(python, exchange);
	python->PyErr_Clear();
}
