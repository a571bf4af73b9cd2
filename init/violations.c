#include "init/violations.h"

#include <stddef.h>

/* A number of x32, or of a kernel to come, is negative or beyond: all of these are one. */
static unsigned place_of(int number)
{
	return number < 0 || number >= VIOLATIONS_NUMBERS ? VIOLATIONS_NUMBERS - 1
							  : (unsigned)number;
}

static bool has(const struct violations_set *set, int number)
{
	unsigned place = place_of(number);

	return (set->bits[place / 64] >> place % 64 & 1) != 0;
}

static void add(struct violations_set *set, int number)
{
	unsigned place = place_of(number);

	set->bits[place / 64] |= (uint64_t)1 << place % 64;
}

/* Its own set, or the oldest one's place; NULL when all that are there are younger. */
static struct violations_set *set_of(struct violations *violations, uint64_t generation)
{
	struct violations_set *oldest = &violations->recent[0];

	for (size_t i = 0; i < VIOLATIONS_GENERATIONS; i++) {
		struct violations_set *set = &violations->recent[i];

		if (set->generation == generation)
			return set;
		if (set->generation < oldest->generation)
			oldest = set;
	}
	if (oldest->generation > generation)
		return NULL;
	*oldest = (struct violations_set){.generation = generation};
	return oldest;
}

bool violations_add(struct violations *violations, uint64_t generation, int number)
{
	struct violations_set *set = set_of(violations, generation);
	bool is_news = set != NULL && !has(set, number);

	add(&violations->ever, number);
	if (set != NULL)
		add(set, number);
	return is_news;
}

bool violations_has(const struct violations *violations, int number)
{
	return has(&violations->ever, number);
}

void violations_forbid(struct violations *violations, int number)
{
	add(&violations->forbidden, number);
}

bool violations_has_forbidden(const struct violations *violations, int number)
{
	return has(&violations->forbidden, number);
}
