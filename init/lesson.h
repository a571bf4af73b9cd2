/*
 * lesson.h - what `narwhal seccomp learn` says at its end: the lines that allow what the app called
 * and its sandbox refuses.
 *
 * Only what was called while it ran can be known: whoever learns drives the app through all that
 * it does.
 */
#ifndef INIT_LESSON_H
#define INIT_LESSON_H

#include <stdio.h>

#include "base/attr.h"
#include "init/violations.h"

/* 0, or -EIO. */
MUST_USE int lesson_print(const struct violations *violations, FILE *out);

#endif
