/*
 * deadlines.h - when which connection has waited long enough.
 *
 * One queue for each reason to wait. All waits of a queue last equally long, so the queue is in
 * the order of its deadlines by itself: setting, clearing and finding the nearest are O(1), and
 * nothing is allocated. Pure: the caller brings the time.
 */
#ifndef SERVICE_DEADLINES_H
#define SERVICE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum deadline_kind {
#define DEADLINE(name, meaning) DEADLINE_##name,
#include "service/deadlines.def"
#undef DEADLINE
	DEADLINES
};

/* Embedded in what waits; {0} waits for nothing. */
struct deadline {
	struct deadline *previous, *next;
	uint64_t at_ms;
	enum deadline_kind kind;
};

/* Must stay where it is after deadlines_init(). */
struct deadlines {
	struct deadline ends[DEADLINES];
	uint64_t after_ms[DEADLINES];
};

void deadlines_init(struct deadlines *deadlines, const uint64_t after_ms[DEADLINES]);
/* From now on `deadline` waits for `kind`, and for nothing else. */
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind,
	uint64_t now_ms);
void deadline_clear(struct deadline *deadline);

static inline bool deadline_is_set(const struct deadline *deadline)
{
	return deadline->next != NULL;
}

/* All of one queue join another, in their order. */
void deadlines_move(struct deadlines *deadlines, enum deadline_kind from, enum deadline_kind to,
	uint64_t now_ms);
/* The head of a queue, or NULL. */
struct deadline *deadlines_oldest(struct deadlines *deadlines, enum deadline_kind kind);
/* CLOCK_NEVER when nothing waits. */
PURE uint64_t deadlines_nearest(const struct deadlines *deadlines);
/* One that is due, taken off its queue (its `kind` still tells which), or NULL. */
struct deadline *deadlines_take_due(struct deadlines *deadlines, uint64_t now_ms);

#endif
