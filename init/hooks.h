/*
 * hooks.h - runs hooks: programs of the operator's, at the moments of hooks.def.
 *
 * Children of the arbiter like any other, and nobody waits for one: each has hook_timeout, then
 * SIGTERM to its process group, then SIGKILL. A bounded number runs at once, a bounded number
 * waits, and what is beyond that is dropped with a line. Files of one occasion run one after the
 * other; two occasions may run side by side. Nothing here knows what a hook's failure means for
 * the service: it is logged, with its true cause, and counted.
 */
#ifndef INIT_HOOKS_H
#define INIT_HOOKS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/text.h"
#include "init/descriptors.h"
#include "init/hook_book.h"

#define HOOKS_AT_ONCE 32
#define HOOKS_WAITING 128
#define HOOK_FACTS_SIZE 512

/* One occasion: it runs, or waits for a place, or for a process to be had. */
struct hook_run {
	struct hook_book *book; /* holds a reference; NULL: the place is free */
	enum hook hook;
	size_t file;	   /* in the book: the one that runs */
	pid_t pid;	   /* 0: not forked yet */
	char cause[16];	   /* of its end, as far as it is known before; "" */
	bool killed;	   /* by SIGKILL */
	uint64_t begun_ms; /* the file's turn came */
	uint64_t deadline_ms;
	char facts[HOOK_FACTS_SIZE]; /* "NAME=value\n" each */
};

struct hooks {
	struct log *log;		       /* borrowed */
	const struct descriptors *descriptors; /* borrowed: the arbiter's */
	struct hook_book *book;		       /* that counts now; NULL: none */
	struct hook_run *runs;		       /* HOOKS_AT_ONCE */
	struct hook_run *queue;		       /* HOOKS_WAITING, a ring */
	size_t first, waiting;
	int *errors; /* beside runs, shared with children: why one could not exec */
	bool ended;
	uint64_t failures[HOOKS];
};

/* Allocates all that there will be. 0, or -ENOMEM with `why`; hooks_close() is due in both cases.
 */
MUST_USE int hooks_open(struct hooks *hooks, struct log *log, const struct descriptors *descriptors,
	struct text *why);
void hooks_close(struct hooks *hooks);
/* From now on that book counts (NULL: no hook); what runs or waits is still of the one before. */
void hooks_use(struct hooks *hooks, struct hook_book *book);

/*
 * Runs all files of that hook, if there are any. `facts` as for log_write(): a fact "slot" is
 * NARWHAL_SLOT in the hook's environment; what is NULL is left out. Numbers and names of ours
 * only, never what a client or a worker wrote.
 */
void hooks_fire(struct hooks *hooks, enum hook hook, const struct log_field *facts,
	uint64_t now_ms);
/* Fires what is due. */
void hooks_turn(struct hooks *hooks, uint64_t now_ms);
PURE uint64_t hooks_deadline(const struct hooks *hooks);
/* True if the dead one was a hook. `cause` is what is known of its death, or NULL. */
bool hooks_reap(struct hooks *hooks, const siginfo_t *info, const char *cause, uint64_t now_ms);

/* How many occasions of that hook (HOOKS: of all) run or wait. */
PURE size_t hooks_count(const struct hooks *hooks, enum hook hook);
/* Nothing is fired any more; what waits is dropped, what runs is ended. */
void hooks_end(struct hooks *hooks, uint64_t now_ms);

#endif
