/* head.h - what the targets of the request parser share: limits, a parser, and when two are one. */
#ifndef TESTS_FUZZ_HEAD_H
#define TESTS_FUZZ_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "service/request.h"

/* Small limits, which inputs of libFuzzer's size reach, or roomy ones. */
const struct request_limits *fuzz_limits(uint64_t seed);
/* Ready for a head under these limits. The caller's to free(). */
struct request *fuzz_request(const struct request_limits *limits);
/* Whether both came to the same end: refused alike, or complete and understood alike. */
bool fuzz_request_same(const struct request *a, const struct request *b) PURE;

#endif
