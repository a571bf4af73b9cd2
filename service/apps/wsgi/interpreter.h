/*
 * interpreter.h - CPython at work in this worker: opened, begun with its program's modules, and
 * ended; and what narwhal.py brings.
 *
 * The interpreter's lock is held between interpreter_enter() and interpreter_leave() alone: while
 * the worker waits, the app's own threads run. Knows no request.
 */
#ifndef SERVICE_APPS_WSGI_INTERPRETER_H
#define SERVICE_APPS_WSGI_INTERPRETER_H

#include <stdbool.h>

#include "base/log.h"
#include "service/apps/wsgi/locate.h"
#include "service/apps/wsgi/python.h"
#include "service/host.h"

struct interpreter {
	struct python python;
	struct narwhal_host *host;
	struct thread *thread; /* the worker's own, while it does not hold the lock */
	int stacks_fd;	       /* where they are told to the arbiter when the worker crashes */
	struct log log;	       /* of our own: lines are written by any thread that has the lock */
	bool forked;	       /* this is a child that the app has made */
	bool bearing;	       /* around a fork of our own */
	bool frozen;	       /* what was loaded is kept from the collector */
	struct object *module; /* what narwhal.py knows by name: a dict */
#define SCRIPT(name) struct object *name;
#include "service/apps/wsgi/script.def"
#undef SCRIPT
};

/* Finds and begins it; the lock is held. 0, or -errno with `why`. */
MUST_USE int interpreter_open(struct interpreter *interpreter, struct narwhal_host *host,
	struct text *why);
/* In a worker that was forked by a zygote: stacks go to its own page. 0 or -errno. */
MUST_USE int interpreter_move_stacks(const struct interpreter *interpreter, int page_fd);
/* Ends it, atexit and all; takes the lock. */
void interpreter_close(struct interpreter *interpreter);

static inline void interpreter_enter(struct interpreter *interpreter)
{
	interpreter->python.PyEval_RestoreThread(interpreter->thread);
}

static inline void interpreter_leave(struct interpreter *interpreter)
{
	interpreter->thread = interpreter->python.PyEval_SaveThread();
}

/* Runs more of ours in narwhal.py's module. False with an error set. */
MUST_USE bool interpreter_run(struct interpreter *interpreter, const char *text, const char *name);
/* What stands there by that name, held; or NULL. */
MUST_USE struct object *interpreter_get(const struct interpreter *interpreter, const char *name);

/*
 * Around the fork of a worker by a zygote, as PyOS_BeforeFork() wants it; takes the lock, and gives
 * it back behind the fork. The child is a worker, and no child of the app's.
 */
void interpreter_fork_prepare(struct interpreter *interpreter);
void interpreter_fork_parent(struct interpreter *interpreter);
void interpreter_fork_child(struct interpreter *interpreter);

/* The exception that is set, taken; NULL: none. */
struct object *interpreter_take_error(const struct interpreter *interpreter);
/* The exception in one line. */
void interpreter_tell(const struct interpreter *interpreter, struct object *error,
	struct text *text);
/*
 * Its traceback to the log. In a child of the app's it ends the process: what came back into the
 * worker there must not serve.
 */
void interpreter_report(struct interpreter *interpreter, struct object *error);
/* Both of the exception that is set, which is taken. */
void interpreter_explain(struct interpreter *interpreter, struct text *why);

#endif
