#include "service/apps/wsgi/crew.h"

#include <errno.h>
#include <time.h>

/* For the last close() of an app, in a worker that leaves: the arbiter waits twice as long. */
#define STOP_MS 500
#define NS_OF_MS 1000000L
#define NS_OF_SECOND (1000 * NS_OF_MS)

void crew_init(struct crew *crew, struct interpreter *interpreter, unsigned threads)
{
	*crew = (struct crew){.interpreter = interpreter, .threads = threads};
	MUST(pthread_mutex_init(&crew->lock, NULL) == 0);
	MUST(pthread_cond_init(&crew->wanted, NULL) == 0);
	MUST(pthread_cond_init(&crew->idle, NULL) == 0);
}

/* The first that this thread may do; taken out. */
static struct crew_work *find(struct crew *crew, unsigned member)
{
	struct crew_work *before = NULL;

	for (struct crew_work *work = crew->first; work != NULL; before = work, work = work->next) {
		if (work->member != 0 && work->member != member)
			continue;
		*(before != NULL ? &before->next : &crew->first) = work->next;
		if (crew->last == work)
			crew->last = before;
		work->member = member;
		return work;
	}
	return NULL;
}

/* NULL: there will be none. */
static struct crew_work *take(struct crew *crew, unsigned member)
{
	struct crew_work *work;

	(void)pthread_mutex_lock(&crew->lock);
	while ((work = find(crew, member)) == NULL && !crew->stopped)
		(void)pthread_cond_wait(&crew->wanted, &crew->lock);
	crew->at_work += work != NULL;
	(void)pthread_mutex_unlock(&crew->lock);
	return work;
}

static unsigned enlist(struct crew *crew)
{
	unsigned member;

	(void)pthread_mutex_lock(&crew->lock);
	member = ++crew->members;
	(void)pthread_mutex_unlock(&crew->lock);
	return member;
}

static bool is_busy(const struct crew *crew)
{
	return crew->at_work != 0 || crew->first != NULL;
}

static void put_down(struct crew *crew)
{
	(void)pthread_mutex_lock(&crew->lock);
	crew->at_work--;
	if (!is_busy(crew))
		(void)pthread_cond_signal(&crew->idle);
	(void)pthread_mutex_unlock(&crew->lock);
}

/* A thread's whole life: it waits without the interpreter's lock. */
static struct object *serve(void *target, struct object *arguments)
{
	struct crew *crew = target;
	const struct python *python = &crew->interpreter->python;
	unsigned member = enlist(crew);

	(void)arguments;
	for (;;) {
		struct thread *thread = python->PyEval_SaveThread();
		struct crew_work *work = take(crew, member);

		python->PyEval_RestoreThread(thread);
		if (work == NULL)
			return python_hold(python, python->none);
		work->run(work);
		put_down(crew);
	}
}

static bool begin(struct crew *crew)
{
	struct interpreter *interpreter = crew->interpreter;
	const struct python *python = &interpreter->python;
	struct callable *callable;
	struct object *result = NULL;

	interpreter_enter(interpreter);
	callable = callable_new(python, serve, crew);
	if (callable != NULL) {
		result = python->PyObject_CallFunction(interpreter->start_threads, "IO",
			crew->threads, &callable->head);
		python->Py_DecRef(&callable->head);
	}
	crew->begun = result != NULL;
	python_drop(python, &result);
	python->PyErr_Clear();
	interpreter_leave(interpreter);
	return crew->begun;
}

int crew_add(struct crew *crew, struct crew_work *work)
{
	if (!crew->begun && !begin(crew))
		return -ENOMEM;
	work->next = NULL;
	(void)pthread_mutex_lock(&crew->lock);
	if (crew->first == NULL)
		crew->first = work;
	else
		crew->last->next = work;
	crew->last = work;
	/* Only its own thread can take what is meant for one. */
	if (work->member == 0)
		(void)pthread_cond_signal(&crew->wanted);
	else
		(void)pthread_cond_broadcast(&crew->wanted);
	(void)pthread_mutex_unlock(&crew->lock);
	return 0;
}

bool crew_stop(struct crew *crew)
{
	struct timespec until;
	int error = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += STOP_MS * NS_OF_MS;
	until.tv_sec += until.tv_nsec / NS_OF_SECOND;
	until.tv_nsec %= NS_OF_SECOND;
	(void)pthread_mutex_lock(&crew->lock);
	while (is_busy(crew) && error == 0)
		error = pthread_cond_clockwait(&crew->idle, &crew->lock, CLOCK_MONOTONIC, &until);
	crew->stopped = true;
	(void)pthread_cond_broadcast(&crew->wanted);
	(void)pthread_mutex_unlock(&crew->lock);
	return error == 0;
}
