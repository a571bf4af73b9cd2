#include "base/roles.h"

static const struct {
	const char *name, *phrase;
} roles[PROCESS_ROLES] = {
#define ROLE(name, word, phrase, meaning) [PROCESS_##name] = {word, phrase},
#include "base/roles.def"
#undef ROLE
};

const char *process_role_name(enum process_role role)
{
	return roles[role].name;
}

const char *process_role_phrase(enum process_role role)
{
	return roles[role].phrase;
}
