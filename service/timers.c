#include "service/timers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

#define FIRST_SIZE 16

void timers_free(struct timers *timers)
{
	free(timers->heap);
	*timers = (struct timers){0};
}

int timers_promise(struct timers *timers)
{
	size_t size = timers->size != 0 ? 2 * timers->size : FIRST_SIZE;
	struct timer **heap;

	if (timers->promised == timers->size) {
		heap = reallocarray(timers->heap, size, sizeof(struct timer *));
		if (heap == NULL)
			return -ENOMEM;
		timers->heap = heap;
		timers->size = size;
	}
	timers->promised++;
	return 0;
}

void timers_forget(struct timers *timers, struct timer *timer)
{
	timer_stop(timers, timer);
	timers->promised--;
}

static void put(struct timers *timers, size_t place, struct timer *timer)
{
	timers->heap[place - 1] = timer;
	timer->place = place;
}

static struct timer *at(const struct timers *timers, size_t place)
{
	return timers->heap[place - 1];
}

/* Towards the top, as long as those above are due later. */
static size_t rise(struct timers *timers, size_t place, uint64_t at_ms)
{
	for (; place > 1 && at(timers, place / 2)->at_ms > at_ms; place /= 2)
		put(timers, place, at(timers, place / 2));
	return place;
}

/* Towards the bottom, as long as one of the two below is due sooner. */
static size_t sink(struct timers *timers, size_t place, uint64_t at_ms)
{
	for (;;) {
		size_t below = 2 * place;

		if (below < timers->used && at(timers, below + 1)->at_ms < at(timers, below)->at_ms)
			below++;
		if (below > timers->used || at(timers, below)->at_ms >= at_ms)
			return place;
		put(timers, place, at(timers, below));
		place = below;
	}
}

static void settle(struct timers *timers, struct timer *timer, size_t place)
{
	place = rise(timers, place, timer->at_ms);
	place = sink(timers, place, timer->at_ms);
	put(timers, place, timer);
}

void timer_stop(struct timers *timers, struct timer *timer)
{
	size_t place = timer->place;
	struct timer *last;

	if (place == 0)
		return;
	timer->place = 0;
	last = at(timers, timers->used--);
	if (last != timer)
		settle(timers, last, place);
}

void timer_set(struct timers *timers, struct timer *timer, uint64_t at_ms)
{
	timer_stop(timers, timer);
	MUST(timers->used < timers->promised);
	timer->at_ms = at_ms;
	settle(timers, timer, ++timers->used);
}

uint64_t timers_nearest(const struct timers *timers)
{
	return timers->used != 0 ? timers->heap[0]->at_ms : CLOCK_NEVER;
}

struct timer *timers_take_due(struct timers *timers, uint64_t now_ms)
{
	struct timer *first;

	if (timers_nearest(timers) > now_ms || timers->used == 0)
		return NULL;
	first = timers->heap[0];
	timer_stop(timers, first);
	return first;
}
