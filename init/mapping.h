/*
 * mapping.h - the settings map_exit and rewrite_signal: lists of FROM:TO, made into tables. Pure.
 */
#ifndef INIT_MAPPING_H
#define INIT_MAPPING_H

#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/signal_name.h"

#define MAPPING_STATUSES 256

struct exit_mapping {
	uint8_t to[MAPPING_STATUSES];
};

/* By signal number; 0: it is dropped. */
struct signal_mapping {
	uint8_t to[SIGNAL_NUMBERS];
};

/*
 * `list` NULL: everything stays what it is. 0, or -EINVAL with `why` naming setting, item and what
 * is allowed. Each FROM once; a TO is not looked up again.
 */
MUST_USE int mapping_read_exits(const char *list, struct exit_mapping *map, struct text *why);
/* KILL and STOP never reach us, and CHLD is our own: they are refused as a FROM. */
MUST_USE int mapping_read_signals(const char *list, struct signal_mapping *map, struct text *why);

#endif
