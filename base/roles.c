#include "base/roles.h"

static const char *const names[PROCESS_ROLES] = {
#define ROLE(name, word, meaning) [PROCESS_##name] = (word),
#include "base/roles.def"
#undef ROLE
};

const char *process_role_name(enum process_role role)
{
	return names[role];
}
