#include "service/apps/wsgi/python.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

static const struct symbol {
	const char *name;
	size_t at;    /* in struct python */
	bool pointer; /* it is a variable that has what is wanted */
} symbols[] = {
#define PYTHON(type, name, arguments) {#name, offsetof(struct python, name), false},
#define PYTHON_OBJECT(name) {#name, offsetof(struct python, name), true},
#include "service/apps/wsgi/python.def"
#undef PYTHON_OBJECT
#undef PYTHON
};

static int look_up(struct python *python, void *library, struct text *why)
{
	for (size_t i = 0; i < COUNT_OF(symbols); i++) {
		void *found = dlsym(library, symbols[i].name);

		if (found == NULL) {
			text_printf(why, "%s", dlerror());
			return -ENOEXEC;
		}
		if (!symbols[i].pointer)
			memcpy((char *)python + symbols[i].at, &found, sizeof(found));
	}
	return 0;
}

/* "3.11.2 (main, ...)" */
static int check_version(const struct python *python, struct text *why)
{
	const char *version = python->Py_GetVersion();
	unsigned long minor = strncmp(version, "3.", 2) == 0 ? strtoul(version + 2, NULL, 10) : 0;

	if (minor >= PYTHON_OLDEST && minor <= PYTHON_NEWEST)
		return 0;
	text_printf(why, "it is Python %.16s; allowed are 3.%d to 3.%d", version, PYTHON_OLDEST,
		PYTHON_NEWEST);
	return -EINVAL;
}

int python_open(struct python *python, const char *library, struct text *why)
{
	/* Global: modules that are written in C look its functions up, and do not name it. */
	void *opened = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
	int error;

	*python = (struct python){0};
	if (opened == NULL) {
		text_printf(why, "%s", dlerror());
		return -ENOEXEC;
	}
	error = look_up(python, opened, why);
	return error == 0 ? check_version(python, why) : error;
}

/* tp_call; what is given by keyword is not looked at. */
static struct object *call(struct object *self, struct object *arguments, struct object *keywords)
{
	const struct callable *callable = (const struct callable *)self;

	(void)keywords;
	return callable->function(callable->target, arguments);
}

/*
 * tp_new: type(start_response)() would have no function. It is not told which struct python this
 * is, and so looks up what it needs.
 */
static struct object *refuse_new(struct object *type, struct object *arguments,
	struct object *keywords)
{
	union {
		void *pointer;
		void (*function)(struct object *type, const char *message);
	} raise = {.pointer = dlsym(RTLD_DEFAULT, "PyErr_SetString")};
	struct object *const *error = dlsym(RTLD_DEFAULT, "PyExc_TypeError");

	(void)type;
	(void)arguments;
	(void)keywords;
	raise.function(*error, "cannot create 'narwhal.function' instances");
	return NULL;
}

int python_begin(struct python *python)
{
	union slot {
		struct object *(*function)(struct object *, struct object *, struct object *);
		void *pointer;
	} called = {.function = call}, made = {.function = refuse_new};
	const struct type_slot slots[] = {{TYPE_SLOT_CALL, called.pointer},
		{TYPE_SLOT_NEW, made.pointer}, {0, NULL}};
	const struct type_spec spec = {
		.name = "narwhal.function",
		.size = sizeof(struct callable),
		.flags = TYPE_DEFAULT,
		.slots = slots,
	};

	for (size_t i = 0; i < COUNT_OF(symbols); i++) {
		struct object **variable;

		if (!symbols[i].pointer)
			continue;
		variable = dlsym(RTLD_DEFAULT, symbols[i].name);
		memcpy((char *)python + symbols[i].at, variable, sizeof(void *));
	}
	python->none = python->Py_BuildValue("");
	python->callable_type = python->PyType_FromSpec(&spec);
	return python->none != NULL && python->callable_type != NULL ? 0 : -ENOMEM;
}

struct callable *callable_new(const struct python *python,
	struct object *(*function)(void *target, struct object *arguments), void *target)
{
	struct callable *callable =
		(struct callable *)python->PyType_GenericAlloc(python->callable_type, 0);

	if (callable == NULL)
		return NULL;
	callable->function = function;
	callable->target = target;
	return callable;
}

struct object *python_list(const struct python *python, const char *list)
{
	struct object *items = python->Py_BuildValue("[]");
	const char *item;
	size_t size;

	while (items != NULL && (item = setting_item(&list, &size)) != NULL) {
		struct object *text = python->PyUnicode_DecodeFSDefaultAndSize(item, (ssize_t)size);

		if (text == NULL || python->PyList_Append(items, text) != 0)
			python_drop(python, &items);
		python_drop(python, &text);
	}
	return items;
}

static struct object *refuse(void *target, struct object *arguments)
{
	const struct python *python = target;

	(void)arguments;
	python->PyErr_SetString(python->PyExc_RuntimeError, "the request is over");
	return NULL;
}

void callable_retire(const struct python *python, struct callable **callable)
{
	struct callable *retired = *callable;

	*callable = NULL;
	if (retired == NULL)
		return;
	retired->function = refuse;
	retired->target = (void *)(uintptr_t)python; /* refuse() changes nothing */
	python->Py_DecRef(&retired->head);
}
