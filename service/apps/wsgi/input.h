/* input.h - wsgi.input: a request's body as a file of Python's, which ends where the body does. */
#ifndef SERVICE_APPS_WSGI_INPUT_H
#define SERVICE_APPS_WSGI_INPUT_H

#include "narwhal/request.h"
#include "service/apps/wsgi/interpreter.h"
#include "service/apps/wsgi/spool.h"

/* The bytes are copied. NULL with an error set. */
MUST_USE struct object *input_new(const struct interpreter *interpreter, struct narwhal_bytes body);
/* Takes the spool's file, if it has one. */
MUST_USE struct object *input_of_spool(const struct interpreter *interpreter, struct spool *spool);

#endif
