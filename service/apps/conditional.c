#include "service/apps/conditional.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The next entity tag of a list: sets *tag and *size, quotes included, and *weak; moves *at
 * behind it. False at the end, and at the first thing that is no entity tag.
 */
static bool next_tag(const char **at, const char *end, const char **tag, size_t *size, bool *weak)
{
	const char *close;

	/* A list may have empty members (RFC 9110 section 5.6.1.2). */
	while (*at < end && (is_space(**at) || **at == ','))
		(*at)++;
	*weak = end - *at >= 2 && memcmp(*at, "W/", 2) == 0;
	if (*weak)
		*at += 2;
	if (*at == end || **at != '"')
		return false;
	close = memchr(*at + 1, '"', (size_t)(end - *at - 1));
	if (close == NULL)
		return false;
	*tag = *at;
	*size = (size_t)(close + 1 - *at);
	*at = close + 1;
	return *at == end || is_space(**at) || **at == ',';
}

static bool list_has(const struct conditional *c, const char *value, size_t size, bool weakly)
{
	const char *at = value, *end = value + size, *tag;
	size_t tag_size;
	bool weak;

	if (size == 1 && *value == '*')
		return true;
	while (next_tag(&at, end, &tag, &tag_size, &weak)) {
		if ((weakly || (!weak && !c->weak)) && tag_size == c->etag_size &&
			memcmp(tag, c->etag, tag_size) == 0)
			return true;
	}
	return false;
}

/* Section 13.1.1: compared strongly, so that a weak tag matches nothing. */
static void add_match(struct conditional *c, const char *value, size_t size)
{
	c->match.given = true;
	if (!c->match.matched)
		c->match.matched = list_has(c, value, size, false);
}

/* Section 13.1.2: compared weakly. */
static void add_none_match(struct conditional *c, const char *value, size_t size)
{
	c->none_match.given = true;
	if (!c->none_match.matched)
		c->none_match.matched = list_has(c, value, size, true);
}

static void add_date(struct conditional_date *date, const char *value, size_t size)
{
	date->lines++;
	date->valid = date->lines == 1 && clock_from_http_date(value, size, &date->seconds) == 0;
}

static void add_modified_since(struct conditional *c, const char *value, size_t size)
{
	add_date(&c->modified_since, value, size);
}

static void add_unmodified_since(struct conditional *c, const char *value, size_t size)
{
	add_date(&c->unmodified_since, value, size);
}

/*
 * Section 13.1.5: one tag, compared strongly, or the very date of Last-Modified, where that is a
 * strong validator (section 8.8.2.2). Two such lines are none of both.
 */
static void add_range(struct conditional *c, const char *value, size_t size)
{
	bool again = c->range.given;
	int64_t seconds;

	c->range.given = true;
	if (memchr(value, '"', size) != NULL)
		c->range.matched =
			!c->weak && size == c->etag_size && memcmp(value, c->etag, size) == 0;
	else
		c->range.matched = c->settled && clock_from_http_date(value, size, &seconds) == 0 &&
				   seconds == c->modified;
	c->range.matched = c->range.matched && !again;
}

static const struct {
	const char *name;
	size_t size;
	void (*add)(struct conditional *c, const char *value, size_t size);
} fields[] = {
#define FIELD(name, add)                        \
	{                                       \
		(name), sizeof(name) - 1, (add) \
	}
	FIELD("If-None-Match", add_none_match),
	FIELD("If-Modified-Since", add_modified_since),
	FIELD("If-Match", add_match),
	FIELD("If-Unmodified-Since", add_unmodified_since),
	FIELD("If-Range", add_range),
#undef FIELD
};

void conditional_add(struct conditional *conditional, const char *name, size_t name_size,
	const char *value, size_t size)
{
	/* Nearly every field line of nearly every request ends here. */
	if (name_size < 3 || name[2] != '-' || (name[0] | 0x20) != 'i' || (name[1] | 0x20) != 'f')
		return;
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (name_size == fields[i].size &&
			strncasecmp(name, fields[i].name, name_size) == 0)
			fields[i].add(conditional, value, size);
	}
}

/* The steps of section 13.2.2 before the one for ranges. */
enum conditional_outcome conditional_decide(const struct conditional *conditional)
{
	const struct conditional *c = conditional;

	if (c->match.given) {
		if (!c->match.matched)
			return CONDITIONAL_FAILED;
	} else if (c->unmodified_since.valid && c->modified > c->unmodified_since.seconds) {
		return CONDITIONAL_FAILED;
	}
	if (c->none_match.given)
		return c->none_match.matched ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_SEND;
	if (c->modified_since.valid && c->modified <= c->modified_since.seconds)
		return CONDITIONAL_NOT_MODIFIED;
	return CONDITIONAL_SEND;
}

bool conditional_has_range(const struct conditional *conditional)
{
	return !conditional->range.given || conditional->range.matched;
}
