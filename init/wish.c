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

void wish_init(struct wish *wish, unsigned workers, unsigned most, const struct wish_limits *limits)
{
	*wish = (struct wish){
		.phase = PHASE_SERVE,
		.deadline_ms = CLOCK_NEVER,
		.workers = workers,
		.most = most,
		.generation = 1,
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

bool wish_more(struct wish *wish)
{
	if (wish->workers == wish->most)
		return false;
	wish->workers++;
	return true;
}

bool wish_fewer(struct wish *wish)
{
	if (wish->workers == 1)
		return false;
	wish->workers--;
	return true;
}

unsigned wish_count(const struct wish *wish)
{
	return wish->phase == PHASE_SERVE || wish->phase == PHASE_LINGER ? wish->workers : 0;
}

const char *wish_phase_name(enum phase phase)
{
	return phases[phase].name;
}
