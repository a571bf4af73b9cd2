/* statuses.h - status codes in words. Pure; the table is statuses.def. */
#ifndef SERVICE_STATUSES_H
#define SERVICE_STATUSES_H

#include "base/attr.h"
#include "narwhal/service.h"

/* "HTTP/1.1 200 OK\r\n"; size 0 for a code that is not in the table. */
struct narwhal_bytes status_line(unsigned status);
/* "OK"; "" for a code that is not in the table. */
const char *status_phrase(unsigned status);

#endif
