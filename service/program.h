/*
 * program.h - a worker whose app is a program in any language: this process becomes it, with
 * nothing left of what root had, its listeners from descriptor 3 on, and a filter around it.
 */
#ifndef SERVICE_PROGRAM_H
#define SERVICE_PROGRAM_H

#include <stdbool.h>

#include "base/attr.h"
#include "service/worker.h"

bool program_is_app(const struct worker *worker) PURE;
/* A strict sandbox for it is the one of applications. */
MUST_USE int program_plan(struct worker *worker, struct text *why);
/* Executes it: returns only if that failed, with -errno and `why`. */
MUST_USE int program_execute(struct worker *worker, struct text *why);

#endif
