/*
 * calls.h - system calls by name and by number, as libseccomp knows them.
 */
#ifndef SECCOMP_CALLS_H
#define SECCOMP_CALLS_H

#include <stdint.h>

#include "base/text.h"

/* Adds the name; nothing where the number is unknown. `arch`: an AUDIT_ARCH_* value. */
void calls_add_name(uint32_t arch, int number, struct text *text);

#endif
