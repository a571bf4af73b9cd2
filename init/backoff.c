#include "init/backoff.h"

/* Boots at 0, 0, 0.25, 0.75 and 1.75 s: five. The sixth comes after 6 s, and so on. */
static const uint64_t delays_ms[] = {0, 250, 500, 1000, 10000};

void backoff_fail(struct backoff *backoff, uint64_t now_ms)
{
	if (!backoff_is_loop(backoff))
		backoff->failures++;
	backoff->due_ms = now_ms + delays_ms[backoff->failures - 1];
}

void backoff_kill(struct backoff *backoff, uint64_t now_ms)
{
	if (backoff->failures + 1 < COUNT_OF(delays_ms))
		backoff->failures++;
	backoff->due_ms = now_ms + delays_ms[backoff->failures - 1];
}

void backoff_refuse(struct backoff *backoff, uint64_t now_ms)
{
	backoff->due_ms = now_ms + BACKOFF_REFUSED_MS;
}

void backoff_clear(struct backoff *backoff)
{
	*backoff = (struct backoff){0};
}

bool backoff_is_loop(const struct backoff *backoff)
{
	return backoff->failures == COUNT_OF(delays_ms);
}
