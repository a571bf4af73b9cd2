#include "init/wish.h"

#include <stddef.h>

#include "base/clock.h"

static const struct move {
	bool possible;
	enum phase next;
} moves[PHASES][TURNS] = {
#define MOVE(in, on, becomes) [PHASE_##in][TURN_##on] = {.possible = true, .next = PHASE_##becomes},
#include "init/moves.def"
#undef MOVE
};

static const struct {
	const char *name;
	size_t limit_offset;
} phases[PHASES] = {
#define PHASE(name, limit, meaning) [PHASE_##name] = {#name, offsetof(struct wish_limits, limit)},
#include "init/phases.def"
#undef PHASE
};

void wish_init(struct wish *wish, const struct crew *crew, unsigned most,
	const struct wish_limits *limits)
{
	*wish = (struct wish){
		.phase = PHASE_SERVE,
		.deadline_ms = CLOCK_NEVER,
		.crew = *crew,
		.most = most,
		.limits = *limits,
	};
	wish->limits.none = CLOCK_NEVER;
}

bool wish_move(struct wish *wish, enum turn turn, uint64_t now_ms)
{
	const struct move *move = &moves[wish->phase][turn];
	const char *limits = (const char *)&wish->limits;
	uint64_t limit;

	if (!move->possible)
		return false;
	wish->phase = move->next;
	limit = *(const uint64_t *)(const void *)(limits + phases[move->next].limit_offset);
	wish->deadline_ms = limit == CLOCK_NEVER ? CLOCK_NEVER : now_ms + limit;
	return true;
}

static void crew_add(struct crew *crew, bool more)
{
	if (crew->generation != 0)
		crew->workers = more ? crew->workers + 1 : crew->workers - 1;
}

bool wish_more(struct wish *wish)
{
	if (wish->crew.workers >= wish->most || wish->candidate.workers >= wish->most)
		return false;
	crew_add(&wish->crew, true);
	crew_add(&wish->candidate, true);
	return true;
}

bool wish_fewer(struct wish *wish)
{
	if (wish->crew.workers <= 1 || wish->candidate.workers == 1)
		return false;
	crew_add(&wish->crew, false);
	crew_add(&wish->candidate, false);
	return true;
}

void wish_promote(struct wish *wish)
{
	wish->crew = wish->candidate;
	wish_discard(wish);
}

void wish_discard(struct wish *wish)
{
	wish->candidate = (struct crew){0};
}

bool wish_is_serving(const struct wish *wish)
{
	return wish->phase == PHASE_SERVE || wish->phase == PHASE_LINGER;
}

bool wish_is_emptying(const struct wish *wish)
{
	return wish_is_serving(wish)
		       ? wish->leftover
		       : wish->phase == PHASE_DRAIN && wish->backlog && wish->empties_first;
}

bool wish_is_ending(const struct wish *wish)
{
	return wish->phase >= PHASE_LINGER;
}

const char *wish_phase_name(enum phase phase)
{
	return phases[phase].name;
}
