/* roles.h - what a process of narwhal-worker's image is for; one row each in roles.def. */
#ifndef BASE_ROLES_H
#define BASE_ROLES_H

#include "base/attr.h"

enum process_role {
#define ROLE(name, word, phrase, meaning) PROCESS_##name,
#include "base/roles.def"
#undef ROLE
	PROCESS_ROLES
};

/* "worker", "keyholder". */
const char *process_role_name(enum process_role role) PURE;
/* "a worker", "a keyholder". */
const char *process_role_phrase(enum process_role role) PURE;

#endif
