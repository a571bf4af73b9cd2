/*
 * URL decoding: whatever the path of a target is, what comes out names something below the root,
 * has no segment that hides or climbs, and stands for itself: written with escapes it resolves to
 * itself again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/apps/path.h"
#include "tests/fuzz/lib/fuzz.h"

static void check_segment(const char *segment, size_t size, bool first)
{
	MUST(size > 0);
	MUST(*segment != '.' || (first && size == strlen(".well-known") &&
					memcmp(segment, ".well-known", size) == 0));
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)segment[i];

		MUST(c >= ' ' && c != 0x7f && c != '\\');
	}
}

static void check_segments(const struct path *path)
{
	for (size_t at = 0, size; at < path->used; at += size + 1) {
		size = strcspn(path->bytes + at, "/");
		check_segment(path->bytes + at, size, at == 0);
	}
}

/* "/" and each byte as an escape, but for the slashes. */
static size_t escape(char *encoded, const struct path *path)
{
	size_t used = (size_t)sprintf(encoded, "/");

	for (size_t i = 0; i < path->used; i++) {
		unsigned char c = (unsigned char)path->bytes[i];

		used += (size_t)sprintf(encoded + used, c == '/' ? "/" : "%%%02x", c);
	}
	return used;
}

static void check_again(const struct path *path, enum path_kind kind)
{
	static char encoded[3 * sizeof(path->bytes) + 2];
	size_t size = escape(encoded, path);
	struct path again;
	enum path_kind other = path_resolve(&again, encoded, size);

	if (size > sizeof(again.bytes)) {
		MUST(other == PATH_HIDDEN);
		return;
	}
	MUST(other == kind && again.used == path->used);
	MUST(memcmp(again.bytes, path->bytes, path->used) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *encoded = fuzz_copy(data, size);
	struct path *path = malloc(sizeof(*path));
	enum path_kind kind;

	MUST(path != NULL);
	kind = path_resolve(path, encoded, size);
	free(encoded);
	if (kind == PATH_FILE || kind == PATH_DIRECTORY) {
		MUST(path->used <= size && strlen(path->bytes) == path->used);
		MUST((kind == PATH_FILE) == (path->used > 0 && path->bytes[path->used - 1] != '/'));
		check_segments(path);
		check_again(path, kind);
	}
	free(path);
	return 0;
}
