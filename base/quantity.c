#include "base/quantity.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t size;
};

/* The greatest first, as they are tried for writing. */
static const struct unit size_units[] = {
	{"g", UINT64_C(1) << 30},
	{"m", UINT64_C(1) << 20},
	{"k", UINT64_C(1) << 10},
	{"", 1},
};

/* No name means seconds; minutes and hours are only read: what is written looks alike. */
static const struct unit duration_units[] = {
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
	{"", 1000},
};

void quantity_add_size(uint64_t value, struct text *text)
{
	const struct unit *unit = size_units;

	while (value == 0 ? unit->size != 1 : value % unit->size != 0)
		unit++;
	text_add_uint(text, value / unit->size);
	text_add(text, unit->name);
}

void quantity_add_duration(uint64_t value, struct text *text)
{
	bool whole = value % 1000 == 0;

	text_add_uint(text, whole ? value / 1000 : value);
	text_add(text, whole ? "s" : "ms");
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t count_digits(const char *bytes, size_t size)
{
	size_t n = 0;

	while (n < size && is_digit(bytes[n]))
		n++;
	return n;
}

static const struct unit *unit_named(const struct unit *units, size_t n, const char *name,
	size_t size)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(units[i].name) == size && strncasecmp(units[i].name, name, size) == 0)
			return &units[i];
	}
	return NULL;
}

int quantity_read_size(const char *bytes, size_t size, uint64_t most, uint64_t *value)
{
	size_t digits = count_digits(bytes, size);
	const struct unit *unit =
		unit_named(size_units, COUNT_OF(size_units), bytes + digits, size - digits);
	int error;

	if (unit == NULL)
		return -EINVAL;
	error = text_to_uint(bytes, digits, most / unit->size, value);
	if (error == 0)
		*value *= unit->size;
	return error;
}

/* The digits behind the point, as whole ms of `unit`; -EDOM when it is finer than that. */
static int read_fraction(const char *digits, size_t size, uint64_t unit, uint64_t *ms)
{
	uint64_t number, whole = 1;

	while (size > 1 && digits[size - 1] == '0')
		size--;
	if (size > 9)
		return -EDOM;
	if (text_to_uint(digits, size, UINT64_MAX, &number) != 0)
		return -EINVAL;
	while (size-- > 0)
		whole *= 10;
	if (number * unit % whole != 0)
		return -EDOM;
	*ms = number * unit / whole;
	return 0;
}

int quantity_read_duration(const char *bytes, size_t size, uint64_t most, uint64_t *value)
{
	size_t digits = count_digits(bytes, size);
	size_t point = digits < size && bytes[digits] == '.';
	size_t finer = point ? count_digits(bytes + digits + 1, size - digits - 1) : 0;
	size_t end = digits + point + finer;
	const struct unit *unit =
		unit_named(duration_units, COUNT_OF(duration_units), bytes + end, size - end);
	uint64_t whole, part = 0;
	int error = unit == NULL ? -EINVAL : 0;

	if (error == 0 && point)
		error = read_fraction(bytes + digits + 1, finer, unit->size, &part);
	if (error == 0)
		error = text_to_uint(bytes, digits, most / unit->size, &whole);
	if (error != 0)
		return error;
	if (part > most - whole * unit->size)
		return -ERANGE;
	*value = whole * unit->size + part;
	return 0;
}
