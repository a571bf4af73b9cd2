#include "service/apps/path.h"

#include <stdbool.h>
#include <string.h>

/* A byte of the path, decoded: 0 to 255, or one of these. */
enum {
	BYTE_BAD = -1,
	BYTE_HIDDEN = -2,
	BYTE_SLASH = -3, /* a real one: it ends a segment */
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static int decode_escape(const char **at, const char *end)
{
	int high, low;

	if (end - *at < 2)
		return BYTE_BAD;
	high = hex_value((*at)[0]);
	low = hex_value((*at)[1]);
	*at += 2;
	if (high < 0 || low < 0)
		return BYTE_BAD;
	return high * 16 + low;
}

static int next_byte(const char **at, const char *end)
{
	unsigned char raw = (unsigned char)*(*at)++;
	int c = raw;

	if (raw == '/')
		return BYTE_SLASH;
	if (UNLIKELY(raw == '%'))
		c = decode_escape(at, end);
	if (UNLIKELY(c < 0x20 || c == 0x7f))
		return BYTE_BAD;
	return c == '/' || c == '\\' ? BYTE_HIDDEN : c;
}

/* Ends the segment that began at `start`: it stays, or goes, or takes the one before along. */
static bool end_segment(struct path *path, size_t start)
{
	static const char well_known[] = ".well-known";
	const char *segment = path->bytes + start;
	size_t size = path->used - start;

	if (size == 0 || *segment != '.')
		return true;
	if (size == 1) {
		path->used = start;
		return true;
	}
	if (size == 2 && segment[1] == '.') {
		if (start == 0)
			return false;
		/* Back over the slash before, and over the segment before that. */
		for (path->used = start - 1; path->used > 0; path->used--) {
			if (path->bytes[path->used - 1] == '/')
				break;
		}
		return true;
	}
	return start == 0 && size == sizeof(well_known) - 1 &&
	       memcmp(segment, well_known, size) == 0;
}

/* A slash, unless it would make an empty segment. */
static void add_slash(struct path *path)
{
	if (path->used > 0 && path->bytes[path->used - 1] != '/')
		path->bytes[path->used++] = '/';
}

enum path_kind path_resolve(struct path *path, const char *encoded, size_t size)
{
	const char *at = encoded, *end = encoded + size;
	size_t start = 0;

	path->used = 0;
	path->bytes[0] = '\0';
	if (size == 0)
		return PATH_DIRECTORY;
	if (*at++ != '/')
		return PATH_MALFORMED;
	while (at < end) {
		int c = next_byte(&at, end);

		if (c == BYTE_BAD)
			return PATH_MALFORMED;
		/* Room for this byte, a slash and the NUL. */
		if (c == BYTE_HIDDEN || path->used > sizeof(path->bytes) - 3)
			return PATH_HIDDEN;
		if (c != BYTE_SLASH) {
			path->bytes[path->used++] = (char)c;
			continue;
		}
		if (!end_segment(path, start))
			return PATH_HIDDEN;
		add_slash(path);
		start = path->used;
	}
	if (!end_segment(path, start))
		return PATH_HIDDEN;
	path->bytes[path->used] = '\0';
	/* "a/b/..", like "a/b/../", is the directory "a/": RFC 3986 section 5.2.4. */
	return path->used == 0 || path->bytes[path->used - 1] == '/' ? PATH_DIRECTORY : PATH_FILE;
}
