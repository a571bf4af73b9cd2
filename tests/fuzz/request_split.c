/*
 * The head of a request in pieces: wherever the bytes are cut, and wherever they lie at each call,
 * the outcome is that of the whole.
 */
#include <stdlib.h>

#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/head.h"

static enum request_outcome parse_copy(struct request *request, const struct request_limits *limits,
	const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	enum request_outcome outcome = request_parse(request, limits, copy, size);

	free(copy);
	return outcome;
}

/* Pieces of 1 to `most` bytes. */
static void check_pieces(const struct request *whole, const struct request_limits *limits,
	const uint8_t *data, size_t size, size_t most)
{
	struct request *pieces = fuzz_request(limits);
	uint64_t seed = fuzz_seed(data, size);

	for (size_t at = 0; at < size && pieces->outcome == REQUEST_INCOMPLETE;) {
		at += 1 + fuzz_random(&seed) % most;
		at = at < size ? at : size;
		(void)parse_copy(pieces, limits, data, at);
	}
	MUST(fuzz_request_same(whole, pieces));
	free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct request_limits *limits = fuzz_limits(fuzz_seed(data, size));
	struct request *whole = fuzz_request(limits);

	(void)parse_copy(whole, limits, data, size);
	if (size <= 256)
		check_pieces(whole, limits, data, size, 1);
	check_pieces(whole, limits, data, size, 24);
	check_pieces(whole, limits, data, size, size + 1);
	free(whole);
	return 0;
}
