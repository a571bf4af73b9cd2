/* grants.h - the files that a Python app may reach once its worker is locked in (Landlock). */
#ifndef SERVICE_APPS_WSGI_GRANTS_H
#define SERVICE_APPS_WSGI_GRANTS_H

#include "base/attr.h"
#include "base/buffer.h"
#include "service/apps/wsgi/interpreter.h"

/* LISTs, NUL-terminated. */
struct grants {
	struct buffer read_paths, write_paths, run_paths;
};

/* What is there by now; the interpreter's lock is held. 0 or -ENOMEM. */
MUST_USE int grants_open(struct grants *grants, const struct interpreter *interpreter);
void grants_close(struct grants *grants);

#endif
