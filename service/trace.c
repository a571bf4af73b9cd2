#include "service/trace.h"

#include <string.h>

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static uint64_t next(struct trace_source *source)
{
	uint64_t *s = source->state;
	uint64_t result = rotate(s[0] + s[3], 23) + s[0];
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

void trace_make_id(struct trace_source *source, char id[TRACE_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned half = 0; half < 2; half++) {
		uint64_t bits = next(source);

		for (unsigned i = 0; i < TRACE_ID_SIZE / 2; i++, bits >>= 4)
			*id++ = digits[bits & 15];
	}
}

static bool is_id_octet(char octet)
{
	return octet > ' ' && octet <= '~' && octet != '"' && octet != '\\' && octet != ',';
}

bool trace_is_request_id(struct narwhal_bytes value)
{
	for (size_t i = 0; i < value.size; i++) {
		if (!is_id_octet(value.data[i]))
			return false;
	}
	return value.size > 0 && value.size <= TRACE_REQUEST_ID_MAX;
}

/* Section 3.2.2: "00" "-" trace-id "-" parent-id "-" trace-flags, each of a fixed size. */
static const struct part {
	size_t at, size;
	bool may_be_zero;
} parts[] = {
	{3, TRACE_ID_SIZE, false},
	{36, 16, false},
	{53, 2, true},
};
#define TRACEPARENT_SIZE 55

static bool is_part(const char *digits, const struct part *part)
{
	bool zero = true;

	for (size_t i = 0; i < part->size; i++) {
		bool letter = digits[i] >= 'a' && digits[i] <= 'f';

		if (!letter && (digits[i] < '0' || digits[i] > '9'))
			return false;
		zero = zero && digits[i] == '0';
	}
	return !zero || part->may_be_zero;
}

struct narwhal_bytes trace_id(struct narwhal_bytes traceparent)
{
	const struct narwhal_bytes none = {NULL, 0};
	const char *at = traceparent.data;

	if (traceparent.size != TRACEPARENT_SIZE || memcmp(at, "00-", 3) != 0)
		return none;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		size_t end = parts[i].at + parts[i].size;

		if (!is_part(at + parts[i].at, &parts[i]) ||
			(end != TRACEPARENT_SIZE && at[end] != '-'))
			return none;
	}
	return (struct narwhal_bytes){at + parts[0].at, parts[0].size};
}
