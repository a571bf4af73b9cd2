/*
 * clock.h - what time it is, and how a time is written. No function here sleeps.
 *
 * Deadlines are monotonic milliseconds; the wall clock is for people only (log lines, Date).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

#define CLOCK_NEVER UINT64_MAX

/* CLOCK_MONOTONIC in ms: stands still in no container, jumps for no administrator. */
uint64_t clock_ms(void);
/* The same as of the kernel's last tick, 1 to 10 ms ago: for a fraction of the price. */
uint64_t clock_tick_ms(void);
/* CLOCK_MONOTONIC in microseconds. */
uint64_t clock_us(void);
/* CLOCK_REALTIME in ms since 1970. */
int64_t clock_wall_ms(void);

/* What epoll_wait(2) takes to wake at `deadline`: -1 for CLOCK_NEVER, 0 when it is past. */
PURE int clock_timeout(uint64_t deadline_ms, uint64_t now_ms);

/* 2026-11-20T11:50:00.123Z (RFC 3339). Pure: gmtime_r(3) would read /etc/localtime. */
void clock_add_rfc3339(struct text *text, int64_t wall_ms);
/* Fri, 20 Nov 2026 11:50:00 GMT (IMF-fixdate, RFC 9110 section 5.6.7). Always 29 bytes. */
#define CLOCK_HTTP_DATE_SIZE 29
void clock_add_http_date(struct text *text, int64_t unix_seconds);
/* 20/Nov/2026:11:50:00 +0000, as in the Common Log Format. Always 26 bytes. */
void clock_add_clf(struct text *text, int64_t unix_seconds);
/* Reads any of the three forms of RFC 9110 section 5.6.7. 0 or -EINVAL. */
MUST_USE int clock_from_http_date(const char *bytes, size_t size, int64_t *unix_seconds);

#endif
