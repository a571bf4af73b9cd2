/*
 * explain.h - says in words what becomes of a system call in a role, and which line would change
 * that.
 *
 * Says what the tables say: what an app's module, sandbox_allow or an engine's profile add to it or
 * take from it, the service logs when it starts.
 */
#ifndef SECCOMP_EXPLAIN_H
#define SECCOMP_EXPLAIN_H

#include <stdio.h>

#include "seccomp/calls.h"

/* All rows of the role; whether all could be written, `out` knows. */
void explain_role(FILE *out, enum calls_role role);
/* One call, by a name that calls_check() knows. */
void explain_call(FILE *out, enum calls_role role, const char *name);

#endif
