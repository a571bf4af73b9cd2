/*
 * decide.h - lends the model what the program itself decides with: wish.c and converge.c.
 *
 * The model keeps a roster and a wish in bytes, without pids and without time; a picture of them is
 * turned into the program's own structures for one question, and forgotten. Nothing is kept here.
 */
#ifndef TESTS_MODEL_DECIDE_H
#define TESTS_MODEL_DECIDE_H

#include <stdbool.h>

#define DECIDE_SLOTS 4
#define DECIDE_MOST 2	   /* workers of a crew */
#define DECIDE_NOBODY 0xff /* no slot's time is up */

/* What a generation is to converge.c, which only compares their numbers. */
enum role { ROLE_NONE, ROLE_OLD, ROLE_CREW, ROLE_FAILED, ROLE_CANDIDATE };

/* Of a worker: whether its death will count as a failure, where that is known. */
enum blame { BLAME_UNKNOWN, BLAME_EXCUSED, BLAME_BLAMED, BLAME_OFFENDED };

/* Of an empty slot: what it remembers of those who died in it. */
#define DECIDE_FAILED 1u /* a failure is counted */
#define DECIDE_EARLY 2u	 /* it is too early for the next boot */

struct picture {
	const unsigned char *state, *role, *blame, *backoff; /* of each slot */
	unsigned char phase;
	unsigned char workers;	 /* wished of the crew */
	unsigned char candidate; /* wished of the candidate; 0: there is none */
	unsigned char min_ready, surge;
	unsigned char late; /* the slot whose time is up, or DECIDE_NOBODY */
};

struct decision {
	unsigned char slot, event, role;
};

/* The next order of converge_next(). False: nothing is to be done. */
bool decide_next(const struct picture *picture, struct decision *decision);
/* There is a candidate, and it is ready. */
bool decide_is_ready(const struct picture *picture);
/* wish_more() or wish_fewer(), on both numbers. */
void decide_count(bool more, unsigned char *workers, unsigned char *candidate);
/* The program's own tables, for comparing. Impossible: 0, else 1 + what it becomes. */
unsigned decide_step(unsigned state, unsigned event);
unsigned decide_move(unsigned phase, unsigned turn);

#endif
