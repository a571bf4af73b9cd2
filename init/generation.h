/*
 * generation.h - one loading of config and app: what its workers are born with.
 *
 * Start and reload make one in the same way. A generation that could not be made leaves nothing
 * behind; the one before it goes on.
 */
#ifndef INIT_GENERATION_H
#define INIT_GENERATION_H

#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/text.h"
#include "init/certificates.h"
#include "init/config.h"
#include "init/hook_book.h"
#include "init/listener_set.h"
#include "init/users.h"
#include "init/wish.h"

struct generation {
	uint64_t number; /* from 1; 0: none */
	bool foreign;	 /* made by another image of narwhal: the next one has another worker's */
	struct config config;
	struct users users;
	int image_fd;			  /* the worker's program; owned */
	struct certificates certificates; /* owned */
	bool tickets;			  /* its workers take the keys of tickets.h */
	struct listener_set listeners;
	struct listener_set metrics; /* those of metrics_bind: the exporter's alone */
	struct hook_book *hooks;
};

/* What a generation is not the first to have; `before` is NULL at the start. */
struct legacy {
	const struct generation *before; /* the one that serves */
	const struct shelf *shelf;
	const struct inherited *inherited;
};

/*
 * Makes it of *config, which it takes, also on failure. Addresses that `legacy` has are shared with
 * it, and so is the worker's program. 0, or -errno with `why`.
 */
MUST_USE int generation_open(struct generation *generation, uint64_t number, struct config *config,
	const struct legacy *legacy, struct text *why);
/* The addresses that a config means, with what LISTEN_FDS gives. 0, or -errno with `why`. */
MUST_USE int generation_addresses(const struct config *config, struct address_list *addresses,
	struct text *why);
/* Says in the log what these settings take from the sandbox, and what the kernel has not. */
void generation_warn(const struct settings *settings, struct log *log);
void generation_close(struct generation *generation);

/* What is wished of it. */
struct crew generation_crew(const struct generation *generation);

#endif
