/*
 * readback.h - what the kernel says of this process, compared with what was wanted.
 *
 * A call that returned 0 proves little. Two witnesses are heard: the kernel's answers to calls,
 * which every kernel and every sandbox around us gives; and proc(5)'s status, which can still be
 * read when a filter forbids those calls. What a witness does not tell is passed over, as there
 * may be no /proc and an older kernel has fewer lines; what one tells must be as wanted.
 */
#ifndef SECCOMP_READBACK_H
#define SECCOMP_READBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

enum readback_field {
#define READBACK(name, line, column, base, as, words) READBACK_##name,
#include "seccomp/readback.def"
#undef READBACK
	READBACK_FIELDS
};

/* Wanted of a process, or found: zeroed, it wants nothing. */
struct readback {
	bool known[READBACK_FIELDS];
	uint64_t value[READBACK_FIELDS];
};

void readback_want(struct readback *readback, enum readback_field what, uint64_t value);
/* 0, or -EPERM with `why` naming the first difference: what, as wanted, as found. */
MUST_USE int readback_compare(const struct readback *wanted, const struct readback *found,
	struct text *why);

/*
 * Adds what the text of /proc/PID/status tells. -EINVAL with `why` when a line that counts is not
 * what proc(5) says, stands there twice, or is cut.
 */
MUST_USE int readback_parse(const char *bytes, size_t size, struct readback *found,
	struct text *why);

/* The first witness: all that calls tell. A call that fails leaves its answer unknown. */
void readback_ask(struct readback *found);
/* For the second one, while files can still be opened: the descriptor; -ENOENT: no /proc; -errno.
 */
MUST_USE int readback_open(void);
/*
 * The second witness, of the moment of this call, from the file's start. 0, -errno, or as
 * readback_parse(). A line of more than 4 KB, which only that of very many groups can be, is
 * passed over.
 */
MUST_USE int readback_read(int fd, struct readback *found, struct text *why);

#endif
