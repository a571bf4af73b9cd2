/* stamp.h - the field lines that every response has, made anew once a second: Server and Date. */
#ifndef SERVICE_STAMP_H
#define SERVICE_STAMP_H

#include <stdint.h>

#include "base/clock.h"
#include "narwhal/service.h"

#define STAMP_SERVER "Server: narwhal\r\nDate: "
#define STAMP_SIZE (sizeof(STAMP_SERVER) - 1 + CLOCK_HTTP_DATE_SIZE + 2)

struct stamp {
	uint64_t until_ms; /* monotonic; the second is over then */
	char bytes[STAMP_SIZE + 1];
};

/* Reads the wall clock once a second, when the monotonic clock says that the last one is over. */
struct narwhal_bytes stamp_at(struct stamp *stamp, uint64_t now_ms);

#endif
