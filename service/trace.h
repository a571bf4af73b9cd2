/*
 * trace.h - what ties log lines of several programs together: a request's id, and the trace that it
 * is part of (W3C Trace Context, level 1).
 *
 * Pure: the seed comes from outside, and making an id is no system call. Ids are for finding lines,
 * and not secrets: who has seen a few can tell the next ones.
 */
#ifndef SERVICE_TRACE_H
#define SERVICE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "narwhal/service.h"

#define TRACE_ID_SIZE 32 /* hexadecimal digits: 128 bits */
#define TRACE_REQUEST_ID_MAX 128

/* A generator (xoshiro256++); filled with random bytes that are not all 0. */
struct trace_source {
	uint64_t state[4];
};

/* A new request id. */
void trace_make_id(struct trace_source *source, char id[TRACE_ID_SIZE]);
/*
 * Whether a request id of somebody else's can be taken over: 1 to TRACE_REQUEST_ID_MAX visible
 * ASCII characters without quotation marks, backslashes and commas.
 */
bool trace_is_request_id(struct narwhal_bytes value) PURE;
/*
 * The trace-id of a traceparent, or nothing: version 00, lower-case digits, ids that are not all 0.
 */
struct narwhal_bytes trace_id(struct narwhal_bytes traceparent) PURE;

#endif
