/*
 * answer.h - what an app has returned, or written, becomes the response: bytes, a file, or a
 * stream's first piece.
 *
 * A body is as long as Content-Length says, or an error in the app. Called by task.c alone, with
 * the interpreter's lock held.
 */
#ifndef SERVICE_APPS_WSGI_ANSWER_H
#define SERVICE_APPS_WSGI_ANSWER_H

#include "base/attr.h"
#include "service/apps/wsgi/task.h"

/* Of the iterable. 0, or -1 with an error set. */
MUST_USE int answer_begin(struct task *task);
/* What the app gives to write(). 0, or -1 with an error set: no bytes, or more than it announced.
 */
MUST_USE int answer_write(struct task *task, struct object *piece);
/* The next piece that is not empty, into `piece`; NULL at the end. 0, or -1 with an error set. */
MUST_USE int answer_fetch(struct task *task);

#endif
