/*
 * access_format.h - what a line of the access log looks like: the setting access_log_format, read
 * once into a list of parts. Pure.
 *
 * It knows which atoms there are and where they stand; what they are of a request, service/access.c
 * finds out. PID 1 reads formats too, to refuse wrong ones before anything is served.
 */
#ifndef BASE_ACCESS_FORMAT_H
#define BASE_ACCESS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

enum access_atom {
#define ATOM(id, name, kind, most, meaning) ACCESS_##id,
#include "base/access_atoms.def"
#undef ATOM
	ACCESS_FIELD,	     /* %({name}i)s: a field line of the request */
	ACCESS_ANSWER_FIELD, /* %({name}o)s: a field line of the answer */
	ACCESS_ENVIRONMENT,  /* %({name}e)s: a variable of the worker's environment */
	ACCESS_LITERAL,	     /* no atom: text alone */
	ACCESS_ATOMS
};

enum access_kind {
	ACCESS_TEXT,
	ACCESS_DECODED,
	ACCESS_PLAIN,
	ACCESS_SECOND,
	ACCESS_NONE,
	ACCESS_NUMBER,
	ACCESS_LATE,
	ACCESS_ITSELF, /* ACCESS_LITERAL */
};

struct access_part {
	enum access_atom atom;
	enum access_kind kind;
	uint16_t most; /* bytes of the value; 0: as many as there is room for */
	uint16_t size; /* of `text` */
	uint16_t lead_size;
	const char *text; /* the name in braces, with a NUL */
	const char *lead; /* stands before the atom; ACCESS_SLACK bytes behind it may be read */
};

/* The longest line, LF included: so much a pipe takes in one piece (PIPE_BUF, pipe(7)). */
#define ACCESS_LINE_MAX 4096
/* What a format may take of it by itself; the rest is for atoms without a bound. */
#define ACCESS_FIXED_MAX 2048
#define ACCESS_SLACK 8
#define ACCESS_LATE_MAX 16 /* atoms that wait for the answer's end */

struct access_format {
	bool json;  /* atoms are JSON values, and not text */
	char *text; /* a copy of the format */
	char *literals;
	struct access_part *parts;
	size_t count;
	uint64_t said;				     /* a bit for each atom that it has */
	size_t late;				     /* how many parts are ACCESS_LATE, */
	enum access_atom late_atom[ACCESS_LATE_MAX]; /* and which, in order */
	size_t fixed; /* bytes that a line has at the most, when each unbounded atom is cut to "..."
		       */
};

/*
 * "common", "combined", "json", or a format as Gunicorn's. 0, -ENOMEM, or -EINVAL with `why` saying
 * what is wrong, at which byte, and what is allowed. access_format_free() is due after success.
 */
MUST_USE int access_format_read(const char *text, struct access_format *format, struct text *why);
void access_format_free(struct access_format *format);
/* The same without keeping it. */
MUST_USE int access_format_check(const char *text, struct text *why);
/* Whether it says that atom anywhere. */
static inline bool access_format_says(const struct access_format *format, enum access_atom atom)
{
	return (format->said >> (unsigned)atom & 1) != 0;
}
/* Whether it says how long an answer took. */
static inline bool access_format_is_timed(const struct access_format *format)
{
	return access_format_says(format, ACCESS_SECONDS) ||
	       access_format_says(format, ACCESS_MILLIS) ||
	       access_format_says(format, ACCESS_MICROS) ||
	       access_format_says(format, ACCESS_DECIMAL);
}

#endif
