/*
 * environ.h - a request's environment, the dict that a WSGI app is called with (PEP 3333): a copy
 * of what all requests share, and what this one brings.
 *
 * All text is Latin-1, byte for byte. Fields whose names have "_" were left out before: nothing
 * here can be mistaken for another field.
 */
#ifndef SERVICE_APPS_WSGI_ENVIRON_H
#define SERVICE_APPS_WSGI_ENVIRON_H

#include "base/settings.h"
#include "narwhal/request.h"
#include "service/apps/wsgi/interpreter.h"
#include "service/apps/wsgi/memo.h"

struct environ {
	const struct python *python;
	struct object *base;
	struct memo keys;
	struct memo texts;
#define BASE(key, ...)
#define KEY(member, key) struct object *member;
#define RARE(member, key) struct object *member;
#include "service/apps/wsgi/environ.def"
#undef RARE
#undef KEY
#undef BASE
};

/* 0 or -ENOMEM; the lock is held. */
MUST_USE int environ_open(struct environ *environ, const struct interpreter *interpreter,
	const struct settings *settings);
/* `input` is borrowed, and has `size` bytes. NULL with an error set. */
MUST_USE struct object *environ_new(struct environ *environ, const struct narwhal_request *request,
	struct object *input, uint64_t size);

#endif
