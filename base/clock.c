#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t); /* cannot fail for a clock that every Linux has */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t clock_ms(void)
{
	return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_tick_ms(void)
{
	return (uint64_t)read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int clock_timeout(uint64_t deadline_ms, uint64_t now_ms)
{
	if (deadline_ms == CLOCK_NEVER)
		return -1;
	if (deadline_ms <= now_ms)
		return 0;
	return deadline_ms - now_ms > INT_MAX ? INT_MAX : (int)(deadline_ms - now_ms);
}

struct civil {
	int64_t year;
	unsigned month, day, hour, minute, second, weekday; /* month 1 to 12, weekday 0 = Sunday */
};

#define DAY_SECONDS 86400

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, in eras of 400 years. */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned year_of_era = (unsigned)(y - era * 400);
	unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + (int64_t)day_of_era - 719468;
}

static struct civil civil_from_unix(int64_t seconds)
{
	int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
	unsigned rest = (unsigned)(seconds - days * DAY_SECONDS);
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	unsigned month = mp < 10 ? mp + 3 : mp - 9;

	return (struct civil){
		.year = (int64_t)yoe + era * 400 + (month <= 2),
		.month = month,
		.day = doy - (153 * mp + 2) / 5 + 1,
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
		.weekday = (unsigned)(((days + 4) % 7 + 7) % 7),
	};
}

static void add_time(struct text *text, const struct civil *c)
{
	text_add_padded(text, c->hour, 2);
	text_add_char(text, ':');
	text_add_padded(text, c->minute, 2);
	text_add_char(text, ':');
	text_add_padded(text, c->second, 2);
}

void clock_add_rfc3339(struct text *text, int64_t wall_ms)
{
	int64_t seconds = wall_ms / 1000 - (wall_ms % 1000 < 0);
	struct civil c = civil_from_unix(seconds);

	text_add_padded(text, (uint64_t)c.year, 4);
	text_add_char(text, '-');
	text_add_padded(text, c.month, 2);
	text_add_char(text, '-');
	text_add_padded(text, c.day, 2);
	text_add_char(text, 'T');
	add_time(text, &c);
	text_add_char(text, '.');
	text_add_padded(text, (uint64_t)(wall_ms - seconds * 1000), 3);
	text_add_char(text, 'Z');
}

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
	"Sep", "Oct", "Nov", "Dec"};

void clock_add_http_date(struct text *text, int64_t unix_seconds)
{
	struct civil c = civil_from_unix(unix_seconds);

	text_add(text, day_names[c.weekday]);
	text_add(text, ", ");
	text_add_padded(text, c.day, 2);
	text_add_char(text, ' ');
	text_add(text, month_names[c.month - 1]);
	text_add_char(text, ' ');
	text_add_padded(text, (uint64_t)c.year, 4);
	text_add_char(text, ' ');
	add_time(text, &c);
	text_add(text, " GMT");
}

void clock_add_clf(struct text *text, int64_t unix_seconds)
{
	struct civil c = civil_from_unix(unix_seconds);

	text_add_padded(text, c.day, 2);
	text_add_char(text, '/');
	text_add(text, month_names[c.month - 1]);
	text_add_char(text, '/');
	text_add_padded(text, (uint64_t)c.year, 4);
	text_add_char(text, ':');
	add_time(text, &c);
	text_add(text, " +0000");
}

/*
 * A form is a pattern over the bytes: d a digit of the day, and so on; b the month's name, * a run
 * of letters (a day's name, whose truth nobody checks), ? a digit or a space, else itself. No code
 * is a letter of "GMT".
 */
static const char *const date_forms[] = {
	"*, dd b yyyy hh:mm:ss GMT", /* IMF-fixdate */
	"*, dd-b-YY hh:mm:ss GMT",   /* RFC 850 */
	"* b ?d hh:mm:ss yyyy",	     /* asctime(3) */
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind a day's name: three letters or more. NULL if there is none. */
static const char *skip_letters(const char *at, const char *end)
{
	const char *start = at;

	while (at < end && is_letter(*at))
		at++;
	return at - start >= 3 ? at : NULL;
}

static unsigned month_number(const char *name)
{
	for (unsigned i = 0; i < COUNT_OF(month_names); i++) {
		if (memcmp(name, month_names[i], 3) == 0)
			return i + 1;
	}
	return 0;
}

static unsigned *part_of(struct civil *c, unsigned *year, char code)
{
	switch (code) {
	case 'd':
		return &c->day;
	case 'y':
	case 'Y':
		return year;
	case 'h':
		return &c->hour;
	case 'm':
		return &c->minute;
	case 's':
		return &c->second;
	default:
		return NULL;
	}
}

static bool match_form(const char *form, const char *at, const char *end, struct civil *c)
{
	unsigned year = 0;

	for (; *form != '\0'; form++) {
		unsigned *part = part_of(c, &year, *form);

		if (*form == '*') {
			at = skip_letters(at, end);
			if (at == NULL)
				return false;
			continue;
		}
		if (at == end)
			return false;
		if (*form == 'b') {
			c->month = end - at >= 3 ? month_number(at) : 0;
			if (c->month == 0)
				return false;
			at += 3;
			continue;
		}
		if (*form == '?' && *at != ' ')
			part = &c->day;
		if (part != NULL && *at >= '0' && *at <= '9')
			*part = *part * 10 + (unsigned)(*at - '0');
		else if (part != NULL || (*form != '?' && *at != *form))
			return false;
		at++;
	}
	c->year = year;
	return at == end;
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* RFC 9110 section 5.6.7: the second may be 60, a leap second. */
static bool is_possible(const struct civil *c)
{
	static const unsigned days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned last = c->month == 2 && is_leap(c->year) ? 29 : days[c->month - 1];

	return c->day >= 1 && c->day <= last && c->hour < 24 && c->minute < 60 && c->second <= 60;
}

int clock_from_http_date(const char *bytes, size_t size, int64_t *unix_seconds)
{
	for (size_t i = 0; i < COUNT_OF(date_forms); i++) {
		struct civil c = {0};

		if (!match_form(date_forms[i], bytes, bytes + size, &c))
			continue;
		/*
		 * Section 5.6.7: two digits that seem more than 50 years ahead are of the past.
		 * Pure means not knowing the year: 70 is the pivot, for no file is older than 1970.
		 */
		if (strchr(date_forms[i], 'Y') != NULL)
			c.year += c.year < 70 ? 2000 : 1900;
		if (!is_possible(&c))
			return -EINVAL;
		*unix_seconds = days_from_civil(c.year, c.month, c.day) * DAY_SECONDS +
				c.hour * 3600 + c.minute * 60 + c.second;
		return 0;
	}
	return -EINVAL;
}
