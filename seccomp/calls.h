/*
 * calls.h - system calls by name and by number, as libseccomp knows them.
 */
#ifndef SECCOMP_CALLS_H
#define SECCOMP_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define CALL_NAME_MAX 48

/* False, and "unknown", for a number that has no name in that architecture (AUDIT_ARCH_...). */
MUST_USE bool call_name(uint32_t arch, int number, char name[CALL_NAME_MAX]);
/* "x86_64", "aarch64"; "other". */
const char *call_arch_name(uint32_t arch) PURE;

#endif
