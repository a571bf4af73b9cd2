/*
 * heirloom_table.h - heirloom.def as tables, and where in the arbiter each record stands; for
 * heirloom*.c alone.
 *
 * Pure but for memory.
 */
#ifndef INIT_HEIRLOOM_TABLE_H
#define INIT_HEIRLOOM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "init/heirloom.h"
#include "init/program.h"

#define HEIRLOOM_MAGIC "narwhal-heirloom"
#define HEIRLOOM_SUM "sum "

/* What stands alone in the arbiter, as a struct to be pointed to. */
struct heirloom_count {
	uint64_t count;
};

struct heirloom_fd {
	int fd;
};

enum heirloom_record {
#define RECORD(name, type, most, since, meaning) HEIRLOOM_##name,
#define FIELD(record, name, kind, since, member)
#include "init/heirloom.def"
#undef RECORD
#undef FIELD
	HEIRLOOM_RECORDS
};

enum kind {
	KIND_U64,
	KIND_U32,
	KIND_INT,
	KIND_BOOL,
	KIND_FD,
	KIND_TEXT,
	KIND_STRING,
	KIND_STATE,
	KIND_ROLE,
	KIND_CAUSE,
	KIND_PHASE,
	KIND_HOOK,
	KIND_UPGRADE,
};

struct record {
	const char *name;
	size_t most;
	uint64_t since;
};

struct field {
	const char *name;
	uint64_t since;
	size_t offset, size; /* of the member */
	enum heirloom_record record;
	enum kind kind;
};

extern const struct record heirloom_records[HEIRLOOM_RECORDS];
extern const struct field heirloom_fields[];
extern const size_t heirloom_field_count;

/* Of a number; 0 for what is none. */
uint64_t heirloom_most(enum kind kind) PURE;
/* Of an enum: NULL behind its end, or for what is none. */
const char *heirloom_name(enum kind kind, unsigned value) PURE;
/* FNV-1a: against what is cut or mixed up. Nobody else can write to a sealed file. */
uint64_t heirloom_sum(const char *bytes, size_t size) PURE;

/* Whether an arbiter of that kind has such a record at all. */
bool heirloom_has(const struct arbiter *arbiter, enum heirloom_record record) PURE;
/* Whether readers of that version know what stands there: not a role that is younger. */
bool heirloom_is_known(const struct arbiter *arbiter, uint64_t version, enum heirloom_record record,
	size_t index) PURE;
/* To be frozen: NULL when there is nothing at that index. */
void *heirloom_find(struct arbiter *arbiter, enum heirloom_record record, size_t index);
/* To be thawed into, made if need be. NULL: what it belongs to is not there, or no memory. */
void *heirloom_make(struct arbiter *arbiter, enum heirloom_record record, size_t index);

#endif
