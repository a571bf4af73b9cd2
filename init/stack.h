/*
 * stack.h - what Python's faulthandler tells of a worker's threads, as one line: the innermost
 * frames of each thread that does something, and first of the one that had the signal.
 *
 *	views.py:12 slow < base.py:181 _get_response | jobs.py:40 poll
 *
 * The worker has written it, so nothing is believed: what looks otherwise is left out. Pure.
 */
#ifndef INIT_STACK_H
#define INIT_STACK_H

#include <stddef.h>

#include "base/text.h"

/* Adds it to `text`: `size` bytes of lines. */
void stack_tell(const char *lines, size_t size, struct text *text);

#endif
