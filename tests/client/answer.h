/*
 * answer.h - reads one response, however its bytes are cut. Pure.
 *
 * Only what the servers of the tests send: a status line, Content-Length, a body.
 */
#ifndef TESTS_CLIENT_ANSWER_H
#define TESTS_CLIENT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define ANSWER_HEAD_MAX 2048

enum answer_outcome {
	ANSWER_MORE, /* all bytes are taken, and more are needed */
	ANSWER_DONE,
	ANSWER_MALFORMED,
};

/* {0}, but for what is expected, before the first byte. */
struct answer {
	const char *expected; /* the body, or NULL for any */
	uint64_t expected_size;
	char head[ANSWER_HEAD_MAX];
	size_t head_used;
	bool has_head;
	bool close; /* the server says that it will close */
	unsigned status;
	uint64_t size; /* of the body */
	uint64_t seen;
};

/* Takes bytes up to the answer's end, and says how many. */
MUST_USE enum answer_outcome answer_feed(struct answer *answer, const char *bytes, size_t size,
	size_t *taken);
/* For the next one on the same connection. */
void answer_reset(struct answer *answer);
/* Whether anything of it has come. */
PURE bool answer_has_begun(const struct answer *answer);

#endif
