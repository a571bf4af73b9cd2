#include "service/apps/path.h"

#include <stdbool.h>
#include <string.h>

/* What a byte of the path is for, once it is decoded. */
enum octet {
	PLAIN,	 /* part of a name */
	SLASH,	 /* the end of a segment; out of an escape, HIDDEN */
	ESCAPE,	 /* "%"; out of an escape, PLAIN */
	HIDDEN,	 /* a backslash */
	CONTROL, /* the request is malformed */
};

static const unsigned char octets[256] = {
	[0 ... 0x1f] = CONTROL,
	['%'] = ESCAPE,
	['/'] = SLASH,
	['\\'] = HIDDEN,
	[0x7f] = CONTROL,
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* The byte that the escape before `at` stands for, or -1. */
static int decode(const char *at, const char *end)
{
	int high, low;

	if (end - at < 2)
		return -1;
	high = hex_value(at[0]);
	low = hex_value(at[1]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Adds the byte that an escape stands for; PATH_FILE for now, or what is wrong with it. */
static enum path_kind add_escaped(struct path *path, const char *at, const char *end)
{
	int c = decode(at, end);

	if (c < 0 || octets[c] == CONTROL)
		return PATH_MALFORMED;
	if (octets[c] == SLASH || octets[c] == HIDDEN)
		return PATH_HIDDEN;
	path->bytes[path->used++] = (char)c;
	return PATH_FILE;
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

/* The segments, one after the other; decoding makes nothing longer, so that there is room. */
static enum path_kind add_segments(struct path *path, const char *at, const char *end)
{
	enum path_kind kind;
	size_t start = 0;

	for (; at < end; at++) {
		switch ((enum octet)octets[(unsigned char)*at]) {
		case PLAIN:
			path->bytes[path->used++] = *at;
			break;
		case SLASH:
			if (!end_segment(path, start))
				return PATH_HIDDEN;
			add_slash(path);
			start = path->used;
			break;
		case ESCAPE:
			kind = add_escaped(path, at + 1, end);
			if (kind != PATH_FILE)
				return kind;
			at += 2;
			break;
		case HIDDEN:
			return PATH_HIDDEN;
		case CONTROL:
			return PATH_MALFORMED;
		}
	}
	return end_segment(path, start) ? PATH_FILE : PATH_HIDDEN;
}

enum path_kind path_resolve(struct path *path, const char *encoded, size_t size)
{
	enum path_kind kind = PATH_FILE;

	path->used = 0;
	if (size > 0 && *encoded != '/')
		return PATH_MALFORMED;
	if (size > sizeof(path->bytes))
		return PATH_HIDDEN;
	if (size > 0)
		kind = add_segments(path, encoded + 1, encoded + size);
	path->bytes[path->used] = '\0';
	if (kind != PATH_FILE)
		return kind;
	/* "a/b/..", like "a/b/../", is the directory "a/": RFC 3986 section 5.2.4. */
	return path->used == 0 || path->bytes[path->used - 1] == '/' ? PATH_DIRECTORY : PATH_FILE;
}
