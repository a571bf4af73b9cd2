/*
 * stamp.h - how responses begin, made anew once a second: the status line that most have, and the
 * field lines that all have: Server, Date, and by setting Server-Timing. One copy for each
 * response.
 */
#ifndef SERVICE_STAMP_H
#define SERVICE_STAMP_H

#include <stdint.h>

#include "base/clock.h"
#include "narwhal/service.h"

#define STAMP_STATUS "HTTP/1.1 200 OK\r\n" /* another one takes its place */
#define STAMP_SERVER "Server: narwhal\r\nDate: "
#define STAMP_SIZE (sizeof(STAMP_STATUS STAMP_SERVER) - 1 + CLOCK_HTTP_DATE_SIZE + 2)
#define STAMP_MORE_MAX 96

struct stamp {
	uint64_t until_ms; /* monotonic; the second is over then */
	size_t size;
	char bytes[STAMP_SIZE + STAMP_MORE_MAX + 1];
	char more[STAMP_MORE_MAX + 1]; /* the field lines behind Date; "" */
};

/* From now on: which generation answers, by a field that browsers show (W3C Server Timing). */
void stamp_tell_generation(struct stamp *stamp, uint64_t generation);

/* Reads the wall clock once a second, when the monotonic clock says that the last one is over. */
struct narwhal_bytes stamp_at(struct stamp *stamp, uint64_t now_ms);

#endif
