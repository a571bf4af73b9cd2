/*
 * crew.h - the threads that Python runs in when there is more than one (setting `threads`): work is
 * handed to whichever is free, in the order in which it came.
 *
 * What an app opens in a thread may be of no use in another (a cursor of sqlite), so the rest of an
 * answer goes to the thread that began it. They are Python's own (threading.Thread), begun with the
 * first work: what confines a worker is in force by then, and holds for them, too. Knows no
 * request.
 */
#ifndef SERVICE_APPS_WSGI_CREW_H
#define SERVICE_APPS_WSGI_CREW_H

#include <pthread.h>

#include "service/apps/wsgi/interpreter.h"

struct crew_work {
	void (*run)(struct crew_work *work);  /* in a thread, with the interpreter's lock */
	void (*done)(struct crew_work *work); /* behind it, without: it may be added again */
	struct crew_work *next;
	unsigned member;   /* the thread that must do it, from 1; 0: any, which is then put here */
	uint64_t since_ms; /* monotonic; at work */
	struct crew_work *older, *newer; /* of those at work */
};

struct crew {
	struct interpreter *interpreter;
	unsigned threads;
	bool begun;
	pthread_mutex_t lock;
	pthread_cond_t wanted; /* there is work */
	pthread_cond_t idle;   /* there is none, and nobody is at work */
	struct crew_work *first, *last;
	struct crew_work *oldest, *newest; /* at work */
	unsigned at_work;
	void (*note)(struct crew *crew, struct crew_work *oldest);
	unsigned members; /* threads that have begun */
	bool stopped;
};

/* `note` hears which is the oldest at work, or NULL: in any thread, under the crew's lock. */
void crew_init(struct crew *crew, struct interpreter *interpreter, unsigned threads,
	void (*note)(struct crew *crew, struct crew_work *oldest));
/* From the worker's thread, without the interpreter's lock. -ENOMEM: there are no threads. */
MUST_USE int crew_add(struct crew *crew, struct crew_work *work);
/*
 * Waits until all is done, but not beyond that time: a thread may be in the app's hands for ever.
 * How much is not done then.
 */
MUST_USE unsigned crew_wait(struct crew *crew, uint64_t until_ms);
/* Threads end behind what is begun. */
void crew_dismiss(struct crew *crew);

#endif
