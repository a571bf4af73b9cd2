/*
 * sources.h - what the app is made of, watched for changes: the setting reload, for development.
 *
 * A change asks for what SIGHUP asks for, a moment after the last one. Watched are folders: that
 * of a C module, those in which a WSGI app's modules are looked for, those of the files that are
 * among a program's words, each with what is below (but of / itself); and single files, by
 * reload_extra_file. What cannot be watched is said in the log, and stops nothing.
 */
#ifndef INIT_SOURCES_H
#define INIT_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/loop.h"

struct arbiter;

struct sources {
	struct watch watch; /* inotify(7); fd -1: nothing is watched */
	uint64_t due_ms;    /* CLOCK_NEVER: nothing has changed */
	uint64_t latest_ms; /* not later, though they go on changing */
	unsigned folders;
	bool cut; /* there are more: that has been told */
};

void sources_init(struct sources *sources);
/* Watches what the generation that serves now is made of, and nothing else any more. */
void sources_use(struct arbiter *arbiter);
/* Begins the reload, when it is due. */
void sources_turn(struct arbiter *arbiter);
PURE uint64_t sources_deadline(const struct sources *sources);
void sources_close(struct arbiter *arbiter);

/* Whether a file of that name is a source: none that editors and compilers leave beside it. Pure.
 */
bool sources_counts(const char *name) PURE;
/* Whether a folder of that name is looked into. Pure. */
bool sources_enters(const char *name) PURE;

#endif
