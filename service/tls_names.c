#include "service/tls_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct tls_name {
	size_t certificate;
	char text[TLS_NAME_MAX + 1]; /* in lower case */
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Letters, digits, "-", "_", "." and "*"; a dot at the end is left out. 0 or -EINVAL. */
static int normalize(const char *name, size_t size, char text[TLS_NAME_MAX + 1])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.*";

	if (size > 0 && name[size - 1] == '.')
		size--;
	if (size == 0 || size > TLS_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		text[i] = lower(name[i]);
		if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
			return -EINVAL;
	}
	text[size] = '\0';
	return 0;
}

/* Where it is, or belongs; *same says which of both. */
static size_t place_of(const struct tls_names *names, const char *text, bool *same)
{
	size_t first = 0, end = names->count;

	*same = false;
	while (first < end && !*same) {
		size_t middle = first + (end - first) / 2;
		int order = strcmp(text, names->all[middle].text);

		*same = order == 0;
		if (order > 0)
			first = middle + 1;
		else
			end = middle;
	}
	return end;
}

static int make_room(struct tls_names *names)
{
	size_t room = names->room != 0 ? 2 * names->room : 8;
	struct tls_name *all;

	if (names->count < names->room)
		return 0;
	all = realloc(names->all, room * sizeof(*all));
	if (all == NULL)
		return -ENOMEM;
	names->all = all;
	names->room = room;
	return 0;
}

int tls_names_add(struct tls_names *names, const char *name, size_t size, size_t certificate)
{
	char text[TLS_NAME_MAX + 1];
	int error = normalize(name, size, text);
	bool same;
	size_t at;

	if (error == 0)
		error = make_room(names);
	if (error != 0)
		return error;
	at = place_of(names, text, &same);
	if (same)
		return 0;
	memmove(names->all + at + 1, names->all + at, (names->count - at) * sizeof(*names->all));
	names->all[at].certificate = certificate;
	memcpy(names->all[at].text, text, sizeof(text));
	names->count++;
	return 0;
}

size_t tls_names_find(const struct tls_names *names, const char *server_name)
{
	char text[TLS_NAME_MAX + 1];
	const char *dot;
	bool same;
	size_t at;

	/* A server name that is a pattern itself names nobody. */
	if (normalize(server_name, strlen(server_name), text) != 0 || strchr(text, '*') != NULL)
		return TLS_NAMES_NONE;
	at = place_of(names, text, &same);
	dot = strchr(text, '.');
	if (!same && dot != NULL && dot != text) {
		text[0] = '*';
		memmove(text + 1, dot, strlen(dot) + 1);
		at = place_of(names, text, &same);
	}
	return same ? names->all[at].certificate : TLS_NAMES_NONE;
}

void tls_names_free(struct tls_names *names)
{
	free(names->all);
	*names = (struct tls_names){0};
}
