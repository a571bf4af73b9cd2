/*
 * pace.h - whether a client keeps up: a body that trickles holds a connection as well as a silence.
 *
 * Something may take its timeout, and a second more for each `rate` bytes of it. Pure.
 */
#ifndef SERVICE_PACE_H
#define SERVICE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct pace {
	uint64_t since_ms;
	uint64_t bytes; /* since then */
};

struct pace_rule {
	uint64_t timeout_ms;
	uint64_t rate; /* bytes a second; 0: any */
};

PURE bool pace_holds(const struct pace *pace, const struct pace_rule *rule, uint64_t now_ms);

#endif
