/*
 * python.h - CPython, opened at run time: one worker for any version from 3.8 to 3.14, and none is
 * needed to build it.
 *
 * The functions are called through a struct python, by their own names. Declared here is what of
 * CPython's layouts the stable ABI (PEP 384) fixes: an object's head, and what types are made of.
 * Knows nothing of requests.
 */
#ifndef SERVICE_APPS_WSGI_PYTHON_H
#define SERVICE_APPS_WSGI_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wchar.h>

#include "base/attr.h"
#include "base/text.h"

/* The head of every object. */
struct object {
	ssize_t references;
	struct object *type;
};

/* A thread's state. */
struct thread;

/* PyType_Slot, PyType_Spec */
struct type_slot {
	int slot;
	void *function;
};
#define TYPE_SLOT_CALL 50 /* Py_tp_call */
#define TYPE_SLOT_NEW 65  /* Py_tp_new */
#define TYPE_DEFAULT (1u << 18)

struct type_spec {
	const char *name;
	int size;
	int item_size;
	unsigned flags;
	const struct type_slot *slots;
};

/* What Py_CompileString() makes of a whole module. */
#define PYTHON_MODULE 257

struct python {
#define PYTHON(type, name, arguments) type(*name) arguments;
#define PYTHON_OBJECT(name) struct object *name;
#include "service/apps/wsgi/python.def"
#undef PYTHON_OBJECT
#undef PYTHON
	struct object *none;
	struct object *callable_type;
};

#define PYTHON_OLDEST 8
#define PYTHON_NEWEST 14

/* Opens the library, for good. 0, or -errno with `why`. */
MUST_USE int python_open(struct python *python, const char *library, struct text *why);
/* Behind Py_InitializeEx(): what can be had only then. 0 or -ENOMEM. */
MUST_USE int python_begin(struct python *python);

/* A function of ours that Python can call. */
struct callable {
	struct object head;
	struct object *(*function)(void *target, struct object *arguments);
	void *target;
};
/* NULL with an error set. */
MUST_USE struct callable *callable_new(const struct python *python,
	struct object *(*function)(void *target, struct object *arguments), void *target);
/* Whoever still has it gets an error from now on; gives back the reference. */
void callable_retire(const struct python *python, struct callable **callable);
/* Whether nobody else has it; where the count has its low half (3.12 has flags above). */
static inline bool callable_is_ours(const struct callable *callable)
{
	return (uint32_t)callable->head.references == 1;
}

/* The items of a LIST; NULL with an error set. */
MUST_USE struct object *python_list(const struct python *python, const char *list);

/* Gives back a reference, unless it is NULL, which it is then. */
static inline void python_drop(const struct python *python, struct object **object)
{
	struct object *dropped = *object;

	*object = NULL;
	if (dropped != NULL)
		python->Py_DecRef(dropped);
}

/* One reference more. */
static inline struct object *python_hold(const struct python *python, struct object *object)
{
	python->Py_IncRef(object);
	return object;
}

#endif
