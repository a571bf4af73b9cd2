/*
 * scaffold.h - writes what somebody begins a C module with: scaffold.def, with a name in it.
 *
 * Writes into a new directory only, and never over a file.
 */
#ifndef INIT_SCAFFOLD_H
#define INIT_SCAFFOLD_H

#include "base/attr.h"
#include "base/text.h"

#define SCAFFOLD_NAME_MAX 32

/* Into the new directory `name` below `directory_fd`. 0, or -errno with `why`. */
MUST_USE int scaffold_module(int directory_fd, const char *name, struct text *why);

#endif
