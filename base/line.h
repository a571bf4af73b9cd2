/*
 * line.h - a value on a line of its own: any text but NUL, to the end of the line.
 *
 * A newline is written as \n and a backslash as \\; everything else stands as it is.
 */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include "base/attr.h"
#include "base/text.h"

/* With the newline behind it. */
void line_add_value(struct text *text, const char *value);
/* Undoes it in place, the newline being gone: 0, or -EINVAL for an escape that is none. */
MUST_USE int line_unescape(char *value);

#endif
