/*
 * access_line.h - one line of the access log: from what is known of a request and its answer.
 *
 * Pure. A line is made in two steps, for the request's bytes are gone when its answer has ended: a
 * draft first, which says what is sent if all goes well, and which is the line when it does; else
 * the line is put together with what was really sent. Nothing of a client's can end a
 * line or forge one: but for printable ASCII all is escaped. What is too long is cut, and says so
 * by "...", so that every line is whole, and valid JSON where it is JSON.
 */
#ifndef SERVICE_ACCESS_LINE_H
#define SERVICE_ACCESS_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "service/access_value.h"

struct access_draft {
	uint64_t guess; /* bytes that it says will have been sent; UINT64_MAX: it says nothing */
	uint16_t size;
	struct {
		uint16_t at, end;
	} late[ACCESS_LATE_MAX]; /* where the parts of kind ACCESS_LATE stand, or belong, in order
				  */
	char text[];		 /* ACCESS_LINE_MAX bytes of room, and ACCESS_SLACK behind them */
};

/* What is known in the end. */
struct access_end {
	uint64_t bytes;
	uint64_t duration_us;
};

/* `guess`: the bytes that are sent if all goes well; UINT64_MAX: not known. */
void access_line_draft(const struct access_format *format, const struct access_facts *facts,
	uint64_t guess, struct access_draft *draft);
/* Writes the line, LF included, to ACCESS_LINE_MAX bytes of room; its size. */
size_t access_line_end(const struct access_format *format, const struct access_draft *draft,
	const struct access_end *end, char *line);

#endif
