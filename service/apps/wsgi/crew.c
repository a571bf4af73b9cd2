#include "service/apps/wsgi/crew.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

#define MS_OF_SECOND 1000
#define NS_OF_MS 1000000L

void crew_init(struct crew *crew, struct interpreter *interpreter, unsigned threads,
	void (*note)(struct crew *crew, struct crew_work *oldest))
{
	*crew = (struct crew){.interpreter = interpreter, .threads = threads, .note = note};
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

/* The newest at work: so they stand in the order of time. */
static void begin_work(struct crew *crew, struct crew_work *work)
{
	work->since_ms = clock_tick_ms();
	work->older = crew->newest;
	work->newer = NULL;
	*(crew->newest != NULL ? &crew->newest->newer : &crew->oldest) = work;
	crew->newest = work;
	crew->at_work++;
	if (crew->oldest == work)
		crew->note(crew, work);
}

static void end_work(struct crew *crew, const struct crew_work *work)
{
	bool oldest;

	(void)pthread_mutex_lock(&crew->lock);
	oldest = crew->oldest == work;
	*(work->older != NULL ? &work->older->newer : &crew->oldest) = work->newer;
	*(work->newer != NULL ? &work->newer->older : &crew->newest) = work->older;
	if (oldest)
		crew->note(crew, crew->oldest);
	(void)pthread_mutex_unlock(&crew->lock);
}

static bool is_busy(const struct crew *crew)
{
	return crew->at_work != 0 || crew->first != NULL;
}

/* Whoever waits until all is done finds then what done() has brought. */
static void be_free(struct crew *crew)
{
	crew->at_work--;
	if (!is_busy(crew))
		(void)pthread_cond_signal(&crew->idle);
}

/* What is next for a thread, which may have done another before. NULL: there will be none. */
static struct crew_work *take(struct crew *crew, unsigned member, bool again)
{
	struct crew_work *work;

	(void)pthread_mutex_lock(&crew->lock);
	if (again)
		be_free(crew);
	while ((work = find(crew, member)) == NULL && !crew->stopped)
		(void)pthread_cond_wait(&crew->wanted, &crew->lock);
	if (work != NULL)
		begin_work(crew, work);
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

/* A thread's whole life: it waits without the interpreter's lock. */
static struct object *serve(void *target, struct object *arguments)
{
	struct crew *crew = target;
	const struct python *python = &crew->interpreter->python;
	struct crew_work *work = NULL;
	unsigned member = enlist(crew);

	(void)arguments;
	for (;;) {
		struct thread *thread = python->PyEval_SaveThread();

		if (work != NULL) {
			end_work(crew, work);
			work->done(work); /* which may be another's from now on */
		}
		work = take(crew, member, work != NULL);
		python->PyEval_RestoreThread(thread);
		if (work == NULL)
			return python_hold(python, python->none);
		work->run(work);
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

unsigned crew_wait(struct crew *crew, uint64_t until_ms)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ms / MS_OF_SECOND),
		.tv_nsec = (long)(until_ms % MS_OF_SECOND) * NS_OF_MS,
	};
	unsigned left;
	int error = 0;

	(void)pthread_mutex_lock(&crew->lock);
	while (is_busy(crew) && error == 0)
		error = pthread_cond_clockwait(&crew->idle, &crew->lock, CLOCK_MONOTONIC, &until);
	left = crew->at_work;
	for (const struct crew_work *work = crew->first; work != NULL; work = work->next)
		left++;
	(void)pthread_mutex_unlock(&crew->lock);
	return left;
}

void crew_dismiss(struct crew *crew)
{
	(void)pthread_mutex_lock(&crew->lock);
	crew->stopped = true;
	(void)pthread_cond_broadcast(&crew->wanted);
	(void)pthread_mutex_unlock(&crew->lock);
}
