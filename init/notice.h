/*
 * notice.h - what a program said in one datagram of sd_notify(3), taken apart. Pure.
 *
 * Lines that stand in no row of notices.def are passed over, as are bytes that make no sense: the
 * protocol grows, and nobody but the program loses by it.
 */
#ifndef INIT_NOTICE_H
#define INIT_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum notice {
#define NOTICE(name, line, meaning) NOTICE_##name,
#include "init/notices.def"
#undef NOTICE
	NOTICES
};

#define NOTICE_MAX 2048 /* a longer datagram is nobody's */

/* Borrowed from the datagram: where the values begin, and how long they are. */
struct notice_found {
	bool said[NOTICES];
	const char *value[NOTICES]; /* of rows that end with "=", the last one of its kind */
	size_t size[NOTICES];
};

/* How many there were of late, from whomever; see noticeboard.h. */
struct notice_pace {
	uint64_t window_ms; /* since then they are counted */
	unsigned heard;
	uint64_t resume_ms; /* when they are read again; 0: they are */
	uint64_t told_ms;   /* when the log was told of a flood; 0: never */
};

void notice_read(const char *bytes, size_t size, struct notice_found *found);

#endif
