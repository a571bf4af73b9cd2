/*
 * gunicorn.h - what Gunicorn calls its settings, its flags and some of its values, and what becomes
 * of each here: the rows of gunicorn.def. Pure: reads and sets nothing.
 */
#ifndef INIT_GUNICORN_H
#define INIT_GUNICORN_H

#include <stddef.h>

#include "base/attr.h"
#include "base/settings.h"

enum gunicorn_value {
	GUNICORN_NO_VALUE,
	GUNICORN_A_VALUE,
	GUNICORN_MAY_VALUE,
};

enum gunicorn_fate {
	GUNICORN_SETTING,
	GUNICORN_APP,
	GUNICORN_ASKED,
	GUNICORN_PROGRAM,
	GUNICORN_PYTHON,
	GUNICORN_NOTHING,
};

struct gunicorn {
	const char *name;
	char flag;	   /* the short one, or 0 */
	const char *flags; /* the long ones, with | between; "" when there is none */
	enum gunicorn_value value;
	enum gunicorn_fate fate;
	const char *to;
	const char *remark;
};

enum {
#define GUNICORN(name, flag, flags, value, fate, to, remark) GUNICORN_ROW_##name,
#include "init/gunicorn.def"
#undef GUNICORN
	GUNICORN_ROWS
};

extern const struct gunicorn gunicorn_table[GUNICORN_ROWS];

/* The row of that name, with `_`; or NULL. */
const struct gunicorn *gunicorn_named(const char *name) PURE;
/* The row of that flag, without its dashes; `size` bytes of `name` count, and `-` is `_`. Or NULL.
 */
const struct gunicorn *gunicorn_of_flag(const char *name, size_t size) PURE;
const struct gunicorn *gunicorn_of_short_flag(char flag) PURE;

/* The setting that it is, if that is its fate; or NULL. */
const struct setting *gunicorn_setting(const struct gunicorn *row) PURE;

/* Where Gunicorn writes a value of that setting otherwise: the value here. Else `value` itself. */
const char *gunicorn_value(const struct setting *row, const char *value) PURE;

#endif
