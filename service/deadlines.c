#include "service/deadlines.h"

#include <stddef.h>

#include "base/clock.h"

void deadlines_init(struct deadlines *deadlines, const uint64_t after_ms[DEADLINES])
{
	for (size_t i = 0; i < DEADLINES; i++) {
		struct deadline *end = &deadlines->ends[i];

		*end = (struct deadline){.previous = end, .next = end, .at_ms = CLOCK_NEVER};
		deadlines->after_ms[i] = after_ms[i];
	}
}

void deadline_clear(struct deadline *deadline)
{
	if (deadline->next == NULL)
		return;
	deadline->previous->next = deadline->next;
	deadline->next->previous = deadline->previous;
	deadline->previous = NULL;
	deadline->next = NULL;
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, enum deadline_kind kind,
	uint64_t now_ms)
{
	struct deadline *end = &deadlines->ends[kind];
	uint64_t after_ms = deadlines->after_ms[kind];
	uint64_t at_ms = after_ms != CLOCK_NEVER ? now_ms + after_ms : CLOCK_NEVER;

	if (deadline->next != NULL && deadline->kind == kind && deadline->at_ms == at_ms)
		return;
	deadline_clear(deadline);
	*deadline = (struct deadline){.previous = end->previous,
		.next = end,
		.at_ms = at_ms,
		.kind = kind};
	end->previous->next = deadline;
	end->previous = deadline;
}

struct deadline *deadlines_oldest(struct deadlines *deadlines, enum deadline_kind kind)
{
	struct deadline *first = deadlines->ends[kind].next;

	return first != &deadlines->ends[kind] ? first : NULL;
}

void deadlines_move(struct deadlines *deadlines, enum deadline_kind from, enum deadline_kind to,
	uint64_t now_ms)
{
	struct deadline *first;

	MUST(from != to);
	while ((first = deadlines_oldest(deadlines, from)) != NULL)
		deadline_set(deadlines, first, to, now_ms);
}

uint64_t deadlines_nearest(const struct deadlines *deadlines)
{
	uint64_t nearest = CLOCK_NEVER;

	/* The end of an empty queue is its own first, and is due never. */
	for (size_t i = 0; i < DEADLINES; i++) {
		if (deadlines->ends[i].next->at_ms < nearest)
			nearest = deadlines->ends[i].next->at_ms;
	}
	return nearest;
}

struct deadline *deadlines_take_due(struct deadlines *deadlines, uint64_t now_ms)
{
	for (size_t i = 0; i < DEADLINES; i++) {
		struct deadline *first = deadlines->ends[i].next;

		/* Who waits for the next turn has the same time, and is not due in this one. */
		if (i == DEADLINE_NEXT || first->at_ms > now_ms || first == &deadlines->ends[i])
			continue;
		deadline_clear(first);
		return first;
	}
	return NULL;
}
