/*
 * stamp.h - how responses begin, made anew once a second: the status line that most have, and the
 * field lines that all have, Server and Date. One copy, and not three, for each response.
 */
#ifndef SERVICE_STAMP_H
#define SERVICE_STAMP_H

#include <stdint.h>

#include "base/clock.h"
#include "narwhal/service.h"

#define STAMP_STATUS "HTTP/1.1 200 OK\r\n" /* another one takes its place */
#define STAMP_SERVER "Server: narwhal\r\nDate: "
#define STAMP_SIZE (sizeof(STAMP_STATUS STAMP_SERVER) - 1 + CLOCK_HTTP_DATE_SIZE + 2)

struct stamp {
	uint64_t until_ms; /* monotonic; the second is over then */
	char bytes[STAMP_SIZE + 1];
};

/* Reads the wall clock once a second, when the monotonic clock says that the last one is over. */
struct narwhal_bytes stamp_at(struct stamp *stamp, uint64_t now_ms);

#endif
