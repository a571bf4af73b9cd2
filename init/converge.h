/*
 * converge.h - compares what is wished with who there is, and says what has to happen next.
 *
 * Pure: (roster, wish, now) -> one order. The arbiter carries orders out until there is none;
 * asked again at once, there is none again. This is the one place that decides to spawn, to
 * retire or to kill; so a TERM in a reload, a TTIN in a drain or a death in either are no cases
 * of their own.
 */
#ifndef INIT_CONVERGE_H
#define INIT_CONVERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "init/roster.h"
#include "init/wish.h"

struct order {
	unsigned slot;
	enum event event;    /* SPAWNED means: spawn one; if that fails, REFUSED */
	uint64_t generation; /* of the process that is to be spawned */
	enum process_role role;
};

/* False: nothing is to be done. */
MUST_USE bool converge_next(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct order *order);

/* When time alone will make converge_next() give an order, or move the phase. CLOCK_NEVER: never.
 */
PURE uint64_t converge_deadline(const struct roster *roster, const struct wish *wish,
	uint64_t now_ms);

/*
 * The service ends, clients wait, and who is to answer them waits for a backoff: the end does, too.
 * Not for one that has died in every boot: it would be the same again.
 */
PURE bool converge_is_awaited(const struct roster *roster, const struct wish *wish,
	uint64_t now_ms);

/* So many of the generation's workers serve that it counts as ready, and so do its attendants. */
PURE bool converge_is_ready(const struct roster *roster, const struct crew *crew);

#endif
