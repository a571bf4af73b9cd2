/*
 * gunicorn_read.h - has the user's Python run a config file of Gunicorn's, and hears what it sets.
 *
 * In a child of a verb's, as the calling user; PID 1 never does this. What the file prints goes to
 * standard error, and so does the traceback of one that fails.
 */
#ifndef INIT_GUNICORN_READ_H
#define INIT_GUNICORN_READ_H

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"

/*
 * The findings, as init/gunicorn_read.py has them: free() is due. By the setting `python`,
 * VIRTUAL_ENV, or the python3 of PATH. 0, or -errno with `why`.
 */
MUST_USE int gunicorn_read(const struct settings *settings, const char *file, char **findings,
	struct text *why);

#endif
