#include "service/apps/wsgi/interpreter.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/page.h"
#include "service/apps/wsgi/script.h"

/*
 * In a child of fork(2): what the worker blocks, as it reads those signals by descriptor, would
 * stay blocked in all programs that the app runs. Nothing of Python may be called here.
 */
static void unblock_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A container often says no language at all: then text is UTF-8, as python3 has it (PEP 538). */
static void choose_locale(void)
{
	const char *found = setlocale(LC_CTYPE, "");

	if (found != NULL && strcmp(found, "C") != 0 && strcmp(found, "POSIX") != 0)
		return;
	if (getenv("LC_ALL") == NULL && setlocale(LC_CTYPE, "C.UTF-8") != NULL)
		(void)setenv("LC_CTYPE", "C.UTF-8", 1);
}

/* Python keeps a copy, and looks for its modules from there. */
static int begin(struct interpreter *interpreter, const char *program)
{
	size_t size = strlen(program) + 1;
	wchar_t *name = calloc(size, sizeof(*name));

	if (name == NULL)
		return -ENOMEM;
	choose_locale();
	if (mbstowcs(name, program, size) == (size_t)-1) {
		free(name);
		return -EILSEQ;
	}
	interpreter->python.Py_SetProgramName(name);
	interpreter->python.Py_InitializeEx(0); /* signals are the worker's */
	free(name);
	return python_begin(&interpreter->python);
}

/* _log(level, text) */
static struct object *write_line(void *target, struct object *arguments)
{
	struct interpreter *interpreter = target;
	const struct python *python = &interpreter->python;
	int level;
	const char *line;

	if (!python->PyArg_ParseTuple(arguments, "is", &level, &line))
		return NULL;
	log_at(&interpreter->log,
		level >= LOG_DEBUG && level < LOG_ERROR ? (enum log_level)level : LOG_ERROR, "app",
		log_string("message", line));
	return python_hold(python, python->none);
}

/* _forked() */
static struct object *note_fork(void *target, struct object *arguments)
{
	struct interpreter *interpreter = target;

	(void)arguments;
	if (!interpreter->bearing) {
		interpreter->forked = true;
		interpreter->host->disown(interpreter->host);
	}
	return python_hold(&interpreter->python, interpreter->python.none);
}

static bool offer(struct interpreter *interpreter, struct object *module, const char *name,
	struct object *(*function)(void *, struct object *))
{
	const struct python *python = &interpreter->python;
	struct callable *callable = callable_new(python, function, interpreter);
	bool done = callable != NULL &&
		    python->PyDict_SetItemString(module, name, &callable->head) == 0;

	if (callable != NULL)
		python->Py_DecRef(&callable->head);
	return done;
}

bool interpreter_run(struct interpreter *interpreter, const char *text, const char *name)
{
	const struct python *python = &interpreter->python;
	struct object *code = python->Py_CompileString(text, name, PYTHON_MODULE);
	struct object *result = NULL;
	bool done;

	if (code != NULL)
		result = python->PyEval_EvalCode(code, interpreter->module, interpreter->module);
	done = result != NULL;
	python_drop(python, &result);
	python_drop(python, &code);
	return done;
}

struct object *interpreter_get(const struct interpreter *interpreter, const char *name)
{
	const struct python *python = &interpreter->python;
	struct object *found = python->PyDict_GetItemString(interpreter->module, name);

	return found != NULL ? python_hold(python, found) : NULL;
}

static bool take_all(struct interpreter *interpreter)
{
	bool found = true;

#define SCRIPT(name)                                             \
	interpreter->name = interpreter_get(interpreter, #name); \
	found = found && interpreter->name != NULL;
#include "service/apps/wsgi/script.def"
#undef SCRIPT
	return found;
}

static bool run_script(struct interpreter *interpreter)
{
	const struct python *python = &interpreter->python;
	struct object *module =
		python->Py_BuildValue("{sssisO}", "__name__", "_narwhal", "_descriptor",
			interpreter->stacks_fd, "__builtins__", python->PyEval_GetBuiltins());

	interpreter->module = module;
	return module != NULL && offer(interpreter, module, "_log", write_line) &&
	       offer(interpreter, module, "_forked", note_fork) &&
	       interpreter_run(interpreter, script_text, "<narwhal>") && take_all(interpreter);
}

/* Without what narwhal.py would bring. */
static void tell_plainly(const struct interpreter *interpreter, struct text *why)
{
	const struct python *python = &interpreter->python;
	struct object *error = interpreter_take_error(interpreter);
	struct object *line = error != NULL ? python->PyUnicode_FromFormat("%R", error) : NULL;
	const char *bytes = line != NULL ? python->PyUnicode_AsUTF8AndSize(line, NULL) : NULL;

	text_add(why, bytes != NULL ? bytes : "it lacks what every Python has");
	python_drop(python, &line);
	python_drop(python, &error);
}

/* By write(2) alone can faulthandler tell anything: a descriptor of the page that stands there. */
static int seek_stacks(int fd)
{
	return lseek(fd, PAGE_STACKS_AT, SEEK_SET) >= 0 ? 0 : -errno;
}

int interpreter_move_stacks(const struct interpreter *interpreter, int page_fd)
{
	int error = fd_replace(interpreter->stacks_fd, page_fd);

	return error == 0 ? seek_stacks(interpreter->stacks_fd) : error;
}

int interpreter_open(struct interpreter *interpreter, struct narwhal_host *host, struct text *why)
{
	struct located located;
	int error = locate(&located, host->settings->python, getenv("VIRTUAL_ENV"), getenv("PATH"),
		why);

	interpreter->host = host;
	interpreter->log = *host->log;
	interpreter->stacks_fd = fd_duplicate(host->heritage->page_fd);
	if (error == 0)
		error = interpreter->stacks_fd >= 0 ? seek_stacks(interpreter->stacks_fd)
						    : interpreter->stacks_fd;
	if (error == 0)
		error = python_open(&interpreter->python, located.library, why);
	if (error == 0)
		error = -pthread_atfork(NULL, NULL, unblock_signals);
	if (error == 0)
		error = begin(interpreter, located.program);
	if (error != 0)
		return error;
	if (run_script(interpreter))
		return 0;
	text_printf(why, "python \"%.512s\": ", located.program);
	tell_plainly(interpreter, why);
	return -ENOEXEC;
}

void interpreter_close(struct interpreter *interpreter)
{
	interpreter_enter(interpreter);
	(void)interpreter->python.Py_FinalizeEx();
}

/* Once: what comes later in a zygote is little. */
static void freeze(struct interpreter *interpreter)
{
	const struct python *python = &interpreter->python;
	struct object *result = NULL;

	if (!interpreter->frozen)
		result = python->PyObject_CallFunctionObjArgs(interpreter->freeze, NULL);
	python_drop(python, &result);
	python->PyErr_Clear();
	interpreter->frozen = true;
}

void interpreter_fork_prepare(struct interpreter *interpreter)
{
	interpreter_enter(interpreter);
	freeze(interpreter);
	interpreter->bearing = true;
	interpreter->python.PyOS_BeforeFork();
}

void interpreter_fork_parent(struct interpreter *interpreter)
{
	interpreter->python.PyOS_AfterFork_Parent();
	interpreter->bearing = false;
	interpreter_leave(interpreter);
}

void interpreter_fork_child(struct interpreter *interpreter)
{
	const struct python *python = &interpreter->python;
	struct object *result;

	python->PyOS_AfterFork_Child();
	interpreter->bearing = false;
	result = python->PyObject_CallFunctionObjArgs(interpreter->tell_crashes, NULL);
	python_drop(python, &result);
	python->PyErr_Clear();
	interpreter_leave(interpreter);
}

struct object *interpreter_take_error(const struct interpreter *interpreter)
{
	const struct python *python = &interpreter->python;
	struct object *type, *value, *traceback;

	python->PyErr_Fetch(&type, &value, &traceback);
	if (type == NULL)
		return NULL;
	python->PyErr_NormalizeException(&type, &value, &traceback);
	if (value != NULL && traceback != NULL)
		(void)python->PyException_SetTraceback(value, traceback);
	python_drop(python, &type);
	python_drop(python, &traceback);
	return value;
}

void interpreter_tell(const struct interpreter *interpreter, struct object *error,
	struct text *text)
{
	const struct python *python = &interpreter->python;
	struct object *line =
		python->PyObject_CallFunctionObjArgs(interpreter->essence, error, NULL);
	const char *bytes = line != NULL ? python->PyUnicode_AsUTF8AndSize(line, NULL) : NULL;

	text_add(text, bytes != NULL ? bytes : "an exception that cannot be told");
	python_drop(python, &line);
	python->PyErr_Clear();
}

void interpreter_report(struct interpreter *interpreter, struct object *error)
{
	const struct python *python = &interpreter->python;
	struct object *told;

	if (interpreter->forked) {
		told = python->PyObject_CallFunctionObjArgs(interpreter->leave,
			error != NULL ? error : python->none, NULL);
		_exit(EXIT_FAILURE); /* if even that has failed */
	}
	told = python->PyObject_CallFunctionObjArgs(interpreter->report, error, NULL);
	python_drop(python, &told);
	python->PyErr_Clear();
}

void interpreter_explain(struct interpreter *interpreter, struct text *why)
{
	struct object *error = interpreter_take_error(interpreter);

	if (error == NULL)
		return;
	interpreter_tell(interpreter, error, why);
	interpreter_report(interpreter, error);
	python_drop(&interpreter->python, &error);
}
