/*
 * execute.h - becomes another program: found as execvp(3) finds it, refused with a reason for
 * people.
 *
 * execvp itself will not do: it hands a file that is no program to /bin/sh.
 */
#ifndef BASE_EXECUTE_H
#define BASE_EXECUTE_H

#include "base/attr.h"

/* With this process's environment. Returns only if that failed: of all the places what is worth
 * telling, as -errno. */
MUST_USE int execute_words(char *const *words);
/* Whether there is such a file that we may execute: 0 or -errno. */
MUST_USE int execute_find(const char *name);
/* What a failure of either means, also where a bare "No such file" would lie. */
const char *execute_reason(const char *name, int error);

#endif
