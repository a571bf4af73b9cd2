/*
 * log.h - one event, one line, on descriptor 2 or another that the caller opened.
 *
 *   2026-11-20T11:50:00.123Z info worker_exit slot=2 pid=17 signal=SIGSYS
 *   {"time":"...","level":"info","event":"worker_exit","slot":2,"pid":17,"signal":"SIGSYS"}
 *
 * A line never blocks, is never split and never mixes with another: what the reader at the far
 * end does not take at once is dropped and counted, and the count is told when there is room.
 * Values are escaped: no byte of a client's can forge a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

#define LOG_LINE_MAX 4096 /* PIPE_BUF: up to here a write to a pipe is one piece */

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARNING,
	LOG_ERROR,
};

struct log {
	int fd;
	enum log_level level; /* the least that is written */
	bool json;
	uint64_t dropped; /* lines, since log_dropped told of them last */
	uint64_t told;	  /* of all that were dropped before */
};

struct log_field {
	enum { LOG_FIELD_END, LOG_FIELD_STRING, LOG_FIELD_UINT, LOG_FIELD_INT } kind;
	const char *name;
	const char *string;
	uint64_t number;
};

static inline struct log_field log_string(const char *name, const char *value)
{
	return (struct log_field){.kind = LOG_FIELD_STRING, .name = name, .string = value};
}

static inline struct log_field log_uint(const char *name, uint64_t value)
{
	return (struct log_field){.kind = LOG_FIELD_UINT, .name = name, .number = value};
}

static inline struct log_field log_int(const char *name, int64_t value)
{
	return (struct log_field){.kind = LOG_FIELD_INT, .name = name, .number = (uint64_t)value};
}

/*
 * What to write lines to, instead of `fd`, so that no reader can stall us: for a terminal and for a
 * pipe an open file description of our own that does not block, where /proc and the rights to it
 * allow that; else `fd` itself. Open for the life of the process.
 */
int log_descriptor(int fd);

/*
 * Writes without waiting, whatever `fd` is and however others opened it: how much was taken, or
 * -errno. To a regular file it may wait for a disk.
 */
MUST_USE ssize_t log_write_now(int fd, const char *bytes, size_t size);

/* `error` is an errno, positive or negative; written as its name, like ENOENT. */
struct log_field log_errno(const char *name, int error);

/* `fields` ends with a field of kind LOG_FIELD_END; strings are borrowed; a NULL string is "-". */
void log_write(struct log *log, enum log_level level, const char *event,
	const struct log_field *fields);

#define log_at(log, level, event, ...) \
	log_write(log, level, event,   \
		(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_FIELD_END}})
#define log_debug(log, ...) log_at(log, LOG_DEBUG, __VA_ARGS__)
#define log_info(log, ...) log_at(log, LOG_INFO, __VA_ARGS__)
#define log_warning(log, ...) log_at(log, LOG_WARNING, __VA_ARGS__)
#define log_error(log, ...) log_at(log, LOG_ERROR, __VA_ARGS__)

#endif
