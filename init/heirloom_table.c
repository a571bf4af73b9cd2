#include "init/heirloom_table.h"

#include <limits.h>

const struct record heirloom_records[HEIRLOOM_RECORDS] = {
#define RECORD(name, type, most, since, meaning) [HEIRLOOM_##name] = {#name, most, since},
#define FIELD(record, name, kind, since, member)
#include "init/heirloom.def"
#undef RECORD
#undef FIELD
};

#define RECORD(name, type, most, since, meaning) typedef type record_##name;
#define FIELD(record, name, kind, since, member)
#include "init/heirloom.def"
#undef RECORD
#undef FIELD

const struct field heirloom_fields[] = {
#define RECORD(name, type, most, since, meaning)
#define FIELD(in, called, of, from, member)                    \
	{.name = (called),                                     \
		.since = (from),                               \
		.offset = offsetof(record_##in, member),       \
		.size = sizeof(((record_##in *)NULL)->member), \
		.record = HEIRLOOM_##in,                       \
		.kind = KIND_##of},
#include "init/heirloom.def"
#undef RECORD
#undef FIELD
};

/* What a member of each kind is as big as; a TEXT's is its own. */
#define BYTES_U64 sizeof(uint64_t)
#define BYTES_U32 sizeof(uint32_t)
#define BYTES_INT sizeof(int)
#define BYTES_BOOL sizeof(bool)
#define BYTES_FD sizeof(int)
#define BYTES_TEXT 0
#define BYTES_STRING sizeof(char *)
#define BYTES_STATE sizeof(enum state)
#define BYTES_ROLE sizeof(enum process_role)
#define BYTES_CAUSE sizeof(enum cause)
#define BYTES_PHASE sizeof(enum phase)
#define BYTES_HOOK sizeof(enum hook)
#define BYTES_UPGRADE sizeof(enum upgrade_state)
#define RECORD(name, type, most, since, meaning)
#define FIELD(record, name, kind, since, member)                                          \
	_Static_assert(BYTES_##kind == 0 ||                                               \
			       sizeof(((record_##record *)NULL)->member) == BYTES_##kind, \
		"a member of another kind");
#include "init/heirloom.def"
#undef RECORD
#undef FIELD

static const char *name_state(unsigned value)
{
	return value < STATES ? roster_state_name((enum state)value) : NULL;
}

static const char *name_role(unsigned value)
{
	return value < PROCESS_ROLES ? process_role_name((enum process_role)value) : NULL;
}

static const char *name_cause(unsigned value)
{
	return value < CAUSES ? roster_cause_name((enum cause)value) : NULL;
}

static const char *name_phase(unsigned value)
{
	return value < PHASES ? wish_phase_name((enum phase)value) : NULL;
}

static const char *name_hook(unsigned value)
{
	return value < HOOKS ? hook_name((enum hook)value) : NULL;
}

static const char *name_upgrade(unsigned value)
{
	return value < UPGRADES ? upgrade_state_name((enum upgrade_state)value) : NULL;
}

const size_t heirloom_field_count = COUNT_OF(heirloom_fields);

static const struct {
	uint64_t most;			     /* of a number */
	const char *(*name)(unsigned value); /* of an enum; NULL behind its end */
} kinds[] = {
	[KIND_U64] = {.most = UINT64_MAX},
	[KIND_U32] = {.most = UINT32_MAX},
	[KIND_INT] = {.most = INT_MAX},
	[KIND_BOOL] = {.most = 1},
	[KIND_FD] = {.most = INT_MAX},
	[KIND_TEXT] = {.most = 0},
	[KIND_STRING] = {.most = 0},
	[KIND_STATE] = {.name = name_state},
	[KIND_ROLE] = {.name = name_role},
	[KIND_CAUSE] = {.name = name_cause},
	[KIND_PHASE] = {.name = name_phase},
	[KIND_HOOK] = {.name = name_hook},
	[KIND_UPGRADE] = {.name = name_upgrade},
};

uint64_t heirloom_most(enum kind kind)
{
	return kinds[kind].most;
}

const char *heirloom_name(enum kind kind, unsigned value)
{
	return kinds[kind].name != NULL ? kinds[kind].name(value) : NULL;
}

uint64_t heirloom_sum(const char *bytes, size_t size)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		value = (value ^ (unsigned char)bytes[i]) * 0x100000001b3;
	return value;
}
