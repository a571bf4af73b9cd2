/*
 * access.h - the access log: a line for each answer, when it has ended, whatever has become of it.
 *
 * Nothing waits for it. Lines are collected and written many at once: when there are enough, or
 * after a second, and an idle worker has none and no timer. What cannot be written stays as long as
 * there is room; then lines are dropped, whole ones, and counted. Which lines those of several
 * workers stand between, nobody knows; but none stands inside of another.
 */
#ifndef SERVICE_ACCESS_H
#define SERVICE_ACCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/access_format.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "service/access_line.h"

struct access {
	int fd; /* owned; -1: there is no access log */
	struct access_format format;
	bool timed; /* the format says a duration */
	struct access_scene scene;
	char pid_bytes[16], generation_bytes[24];

	char *buffer;
	size_t used;
	size_t enough;	   /* from here on it is written */
	size_t piece;	   /* what one write may have, so that it is not taken in parts */
	bool torn;	   /* the last write ended inside a line, whose rest comes first */
	bool failing;	   /* the last write failed */
	uint64_t flush_ms; /* when it is to be written, or tried again; CLOCK_NEVER */

	struct watch room; /* asked for when a reader is slow */
	struct loop *loop;
	bool watching;

	uint64_t dropped; /* since it was said last */
	_Atomic uint64_t *all_dropped;
	struct log *log;
};

/* What the worker has: set before access_open(). */
struct access_home {
	struct loop *loop;
	struct log *log;
	_Atomic uint64_t *dropped; /* counts for others */
	uint64_t generation;
};

/* Before access_open(), or instead of it: no access log. */
void access_init(struct access *access);
/* 0, or -errno with `why`. Takes *fd, also on failure; with -1 it begins with access_reopen(). */
MUST_USE int access_open(struct access *access, const char *format, int *fd,
	const struct access_home *home, struct text *why);
/* Writes what there is, if that is possible now. */
void access_close(struct access *access);

static inline bool access_is_on(const struct access *access)
{
	return access->fd >= 0;
}

/* A turn of the loop begins: when, in microseconds, or 0 if no line wants to know it. */
uint64_t access_turn(struct access *access, uint64_t now_ms);
/* ... and ends: writes what is due. */
void access_tick(struct access *access);
static inline uint64_t access_nearest(const struct access *access)
{
	/* Nobody wakes only to fail again: the next turn that has work tries it. */
	return access->failing ? CLOCK_NEVER : access->flush_ms;
}
/* From now on *fd, which it takes, is the file. */
void access_reopen(struct access *access, int *fd);

/*
 * The answers in one struct outgoing, in their order, whose lines are still to be written.
 * Positions are bytes on the wire, counted from the first that was sent of them.
 */
struct access_notes {
	struct access *access;
	uint64_t sent;
	size_t used, size;
	char *bytes; /* a struct note each */
};

struct access_place {
	uint64_t body_at;  /* where the answer's body begins */
	uint64_t end;	   /* behind it; UINT64_MAX: the last byte there will be */
	uint64_t began_us; /* when its request was there; of access_turn() */
};

/* Takes down what is known of an answer; makes *notes if it is NULL. */
void access_note(struct access *access, struct access_notes **notes,
	const struct access_facts *facts, const struct access_place *place);
/* There will be no more of them for long: gives the room for others back. They may be NULL. */
void access_notes_fit(struct access_notes *notes);
/* They have ended: all is sent, or nothing more will be. */
void access_notes_end(struct access_notes *notes);
/* The same, and gives the memory back; *notes may be NULL, which it is then. */
void access_notes_free(struct access_notes **notes);

#endif
