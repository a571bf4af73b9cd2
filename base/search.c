#include "base/search.h"

#include <string.h>

/* confstr(3)'s _CS_PATH, as execvp has it. */
static const char standard_path[] = "/bin:/usr/bin";

struct search search_begin(const char *name, const char *path)
{
	struct search search = {.name = name, .rest = path != NULL ? path : standard_path};

	if (name[0] == '\0')
		search.rest = NULL;
	return search;
}

bool search_next(struct search *search, struct text *place)
{
	size_t size;

	if (search->rest == NULL)
		return false;
	if (strchr(search->name, '/') != NULL) {
		search->rest = NULL;
		text_add(place, search->name);
		return true;
	}
	size = strcspn(search->rest, ":");
	text_add_bytes(place, search->rest, size);
	if (size > 0) /* an empty item is the current directory */
		text_add_char(place, '/');
	text_add(place, search->name);
	search->rest = search->rest[size] == ':' ? search->rest + size + 1 : NULL;
	return true;
}
