/*
 * placeholders.h - the words of a program with what is different in each worker. Pure.
 */
#ifndef INIT_PLACEHOLDERS_H
#define INIT_PLACEHOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

enum placeholder {
#define PLACEHOLDER(name, meaning) PLACEHOLDER_##name,
#include "init/placeholders.def"
#undef PLACEHOLDER
	PLACEHOLDERS
};

void placeholders_fill(const char *words, const uint64_t values[PLACEHOLDERS], struct text *text);
bool placeholders_has(const char *words, enum placeholder placeholder) PURE;

#endif
