/*
 * violations.h - which refused system calls have been told of: each once for each generation.
 *
 * Pure. A worker that makes the same call in every request shall not fill the log. Of a generation
 * that is older than all that are remembered nothing is news any more.
 */
#ifndef INIT_VIOLATIONS_H
#define INIT_VIOLATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define VIOLATIONS_GENERATIONS 4
#define VIOLATIONS_NUMBERS 1024 /* of calls; the last one stands for all behind it */

struct violations_set {
	uint64_t generation; /* 0: none yet */
	uint64_t bits[VIOLATIONS_NUMBERS / 64];
};

struct violations {
	struct violations_set recent[VIOLATIONS_GENERATIONS];
	struct violations_set ever;	 /* of all generations */
	struct violations_set forbidden; /* with arguments that no name gives */
};

/* A worker of that generation, from 1 on, made that call: true if it is the first one. */
MUST_USE bool violations_add(struct violations *violations, uint64_t generation, int number);
/* ... and no setting that names it would allow it. */
void violations_forbid(struct violations *violations, int number);
/* Whether anybody ever made it. */
PURE bool violations_has(const struct violations *violations, int number);
PURE bool violations_has_forbidden(const struct violations *violations, int number);

#endif
