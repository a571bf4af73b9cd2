#include "tests/model/decide.h"

#include "base/clock.h"
#include "init/converge.h"

#define NOW 1000000

static const struct roster_limits limits = {.boot_timeout = 1, .graceful_timeout = 1, .hurry = 1};

/* One of each kind. */
static const enum cause causes[] = {
	[BLAME_UNKNOWN] = CAUSE_NONE,
	[BLAME_EXCUSED] = CAUSE_RETIRED,
	[BLAME_BLAMED] = CAUSE_TIMEOUT,
	[BLAME_OFFENDED] = CAUSE_MISBEHAVED,
};

static void draw_slots(const struct picture *p, struct slot *slots)
{
	for (unsigned char i = 0; i < DECIDE_SLOTS; i++)
		slots[i] = (struct slot){
			.state = (enum state)p->state[i],
			.cause = causes[p->blame[i]],
			.pid = p->state[i] == STATE_VACANT ? 0 : 100 + i,
			.generation = p->role[i],
			.deadline_ms = p->late == i ? NOW : CLOCK_NEVER,
			.backoff = {.failures = p->backoff[i] & DECIDE_FAILED,
				.due_ms = p->backoff[i] & DECIDE_EARLY ? NOW + 1 : 0},
		};
}

static struct crew draw_crew(const struct picture *p, enum role role, unsigned workers)
{
	return workers == 0 ? (struct crew){0}
			    : (struct crew){.generation = role,
				      .workers = workers,
				      .min_ready = p->min_ready,
				      .surge = p->surge};
}

static void draw_wish(const struct picture *p, struct wish *wish)
{
	struct crew crew = draw_crew(p, ROLE_CREW, p->workers);
	static const struct wish_limits wishes = {.drain_delay = 1, .sweep = 1};

	wish_init(wish, &crew, DECIDE_MOST, &wishes);
	wish->candidate = draw_crew(p, ROLE_CANDIDATE, p->candidate);
	wish->phase = (enum phase)p->phase;
}

bool decide_next(const struct picture *picture, struct decision *decision)
{
	struct slot slots[DECIDE_SLOTS];
	struct roster roster = {.slots = slots, .size = DECIDE_SLOTS, .limits = limits};
	struct wish wish;
	struct order order;

	draw_slots(picture, slots);
	draw_wish(picture, &wish);
	if (!converge_next(&roster, &wish, NOW, &order))
		return false;
	*decision = (struct decision){
		.slot = (unsigned char)order.slot,
		.event = (unsigned char)order.event,
		.role = (unsigned char)order.generation,
	};
	return true;
}

bool decide_is_ready(const struct picture *picture)
{
	struct slot slots[DECIDE_SLOTS];
	struct roster roster = {.slots = slots, .size = DECIDE_SLOTS, .limits = limits};
	struct wish wish;

	draw_slots(picture, slots);
	draw_wish(picture, &wish);
	return picture->candidate != 0 && converge_is_ready(&roster, &wish.candidate);
}

void decide_count(bool more, unsigned char *workers, unsigned char *candidate)
{
	struct picture picture = {.workers = *workers, .candidate = *candidate};
	struct wish wish;

	draw_wish(&picture, &wish);
	(void)(more ? wish_more(&wish) : wish_fewer(&wish));
	*workers = (unsigned char)wish.crew.workers;
	*candidate = (unsigned char)wish.candidate.workers;
}

unsigned decide_step(unsigned state, unsigned event)
{
	struct slot slot = {.state = (enum state)state};
	struct roster roster = {.slots = &slot, .size = 1};
	enum state next = roster_next(&roster, 0, (enum event)event);

	return next == STATES ? 0 : 1 + next;
}

unsigned decide_move(unsigned phase, unsigned turn)
{
	static const struct crew crew = {.generation = ROLE_CREW, .workers = 1};
	struct wish wish;

	wish_init(&wish, &crew, DECIDE_MOST, &(const struct wish_limits){0});
	wish.phase = (enum phase)phase;
	return wish_move(&wish, (enum turn)turn, 0) ? 1 + wish.phase : 0;
}
