/* digits.h - numbers in decimal, written where they belong; who calls has made room for them. */
#ifndef SERVICE_DIGITS_H
#define SERVICE_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#define DIGITS_MAX 20 /* of UINT64_MAX */

/* So many digits, the last ones if there are more; behind them. */
static inline char *digits_put_padded(char *at, uint64_t value, size_t size)
{
	for (size_t i = size; i-- > 0; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + size;
}

/* Less than 1,000. */
static inline char *digits_put_three(char *at, unsigned value)
{
	at[0] = (char)('0' + value / 100);
	at[1] = (char)('0' + value / 10 % 10);
	at[2] = (char)('0' + value % 10);
	return at + 3;
}

/*
 * In its place at once: digits that are copied behind their making wait for the store buffer. Sizes
 * of small answers are most of all numbers.
 */
static inline char *digits_put(char *at, uint64_t value)
{
	size_t size = 1;

	if (value < 100) {
		*at = (char)('0' + value / 10);
		at += value >= 10;
		*at = (char)('0' + value % 10);
		return at + 1;
	}
	for (uint64_t rest = value; rest >= 10; rest /= 10)
		size++;
	return digits_put_padded(at, value, size);
}

#endif
