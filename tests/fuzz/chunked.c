/*
 * The chunked coding: any bytes decode to the same body in pieces as in one, never past what was
 * given and never above the limits; and what is encoded from the bytes decodes to them again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/chunked.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/head.h"

/* A decoding of which the body is kept, and how it stands. */
struct decoding {
	const struct request_limits *limits;
	struct chunked chunked;
	enum chunked_outcome outcome;
	char *body;
	size_t body_size, consumed;
};

static struct decoding decoding_new(const struct request_limits *limits, size_t size)
{
	struct decoding decoding = {.limits = limits, .outcome = CHUNKED_MORE};

	decoding.body = malloc(size + 1);
	MUST(decoding.body != NULL);
	chunked_reset(&decoding.chunked);
	return decoding;
}

static void decoding_add(struct decoding *decoding, const void *bytes, size_t size)
{
	struct chunked *chunked = &decoding->chunked;
	char *copy = fuzz_copy(bytes, size);

	decoding->outcome = chunked_decode(chunked, decoding->limits, copy, size);
	MUST(chunked->produced <= chunked->consumed && chunked->consumed <= size);
	MUST(decoding->outcome != CHUNKED_MORE || chunked->consumed == size);
	MUST((decoding->outcome == CHUNKED_REFUSED) == (chunked->reason != NULL));
	memcpy(decoding->body + decoding->body_size, copy, chunked->produced);
	decoding->body_size += chunked->produced;
	decoding->consumed += chunked->consumed;
	MUST(decoding->body_size == chunked->total && chunked->total <= decoding->limits->body);
	MUST(memcmp(copy + chunked->consumed, (const char *)bytes + chunked->consumed,
		     size - chunked->consumed) == 0);
	free(copy);
}

/* Pieces of 1 to `most` bytes. */
static void decoding_add_pieces(struct decoding *decoding, const char *bytes, size_t size,
	size_t most)
{
	uint64_t seed = size + 1;

	for (size_t at = 0; at < size && decoding->outcome == CHUNKED_MORE;) {
		size_t piece = 1 + fuzz_random(&seed) % most;

		piece = piece < size - at ? piece : size - at;
		decoding_add(decoding, bytes + at, piece);
		at += piece;
	}
}

static void check_pieces(const struct decoding *whole, const char *bytes, size_t size, size_t most)
{
	struct decoding pieces = decoding_new(whole->limits, size);

	decoding_add_pieces(&pieces, bytes, size, most);
	MUST(whole->outcome == pieces.outcome);
	MUST(whole->chunked.status == pieces.chunked.status);
	MUST(whole->chunked.reason == pieces.chunked.reason);
	MUST(whole->outcome == CHUNKED_REFUSED || whole->consumed == pieces.consumed);
	MUST(whole->body_size == pieces.body_size);
	MUST(memcmp(whole->body, pieces.body, whole->body_size) == 0);
	free(pieces.body);
}

/* `body` in chunks of sizes by chance; `coding` has room for 8 times its size, and 8. */
static size_t encode(char *coding, const uint8_t *body, size_t size, uint64_t seed)
{
	size_t used = 0;

	for (size_t at = 0; at < size;) {
		size_t piece = 1 + fuzz_random(&seed) % 40;

		piece = piece < size - at ? piece : size - at;
		used += (size_t)sprintf(coding + used, piece % 2 == 0 ? "%zx\r\n" : "%zX\r\n",
			piece);
		memcpy(coding + used, body + at, piece);
		memcpy(coding + used + piece, "\r\n", 2);
		used += piece + 2;
		at += piece;
	}
	return used + (size_t)sprintf(coding + used, "0\r\n\r\n");
}

static void check_encoded(const struct request_limits *limits, const uint8_t *data, size_t size)
{
	struct decoding decoding = decoding_new(limits, size);
	char *coding = malloc(8 * size + 8);
	size_t coding_size;

	MUST(coding != NULL);
	coding_size = encode(coding, data, size, fuzz_seed(data, size));
	decoding_add_pieces(&decoding, coding, coding_size, 30);
	if (size <= limits->body) {
		MUST(decoding.outcome == CHUNKED_DONE && decoding.consumed == coding_size);
		MUST(decoding.body_size == size && memcmp(decoding.body, data, size) == 0);
	} else {
		MUST(decoding.outcome == CHUNKED_REFUSED && decoding.chunked.status == 413);
	}
	free(coding);
	free(decoding.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct request_limits *limits = fuzz_limits(fuzz_seed(data, size));
	struct decoding whole = decoding_new(limits, size);

	decoding_add(&whole, data, size);
	if (size <= 256)
		check_pieces(&whole, (const char *)data, size, 1);
	check_pieces(&whole, (const char *)data, size, 24);
	check_encoded(limits, data, size);
	free(whole.body);
	return 0;
}
