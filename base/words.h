/*
 * words.h - words in one line of text, as a shell takes it apart. Nothing is expanded.
 *
 * An app that is a program in any language is such a line: `-- PROGRAM WORDS`.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/text.h"

/* The words in one piece of memory, NULL behind the last: free() of it is due. 0, -ENOMEM, or
 * -EINVAL for a quote that does not end. */
MUST_USE int words_split(const char *text, char ***words);
/* Adds them so that words_split() gives back the same. */
void words_join(char *const *words, struct text *text);

/* NULL is no app. */
bool words_are_program(const char *app) PURE;
/* Of such an app, its words: as words_split(), and -EINVAL if there are none. */
MUST_USE int words_of_program(const char *app, char ***words);

#endif
