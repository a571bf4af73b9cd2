/* tally.h - what the counter counts. */
#ifndef TESTS_CLIENT_TALLY_H
#define TESTS_CLIENT_TALLY_H

#include <stdint.h>

enum tally {
#define TALLY(name, kind, meaning) TALLY_##name,
#include "tests/client/tally.def"
#undef TALLY
	TALLIES
};

struct tallies {
	uint64_t of[TALLIES];
};

#endif
