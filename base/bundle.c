#include "base/bundle.h"

#include <errno.h>
#include <string.h>

#include "base/line.h"

static const char *const kinds[BUNDLE_KINDS] = {
	[BUNDLE_MADE] = "made",
	[BUNDLE_CERTIFICATE] = "certificate",
	[BUNDLE_KEY] = "key",
	[BUNDLE_STAPLE] = "staple",
	[BUNDLE_AUTHORITIES] = "authorities",
};

void bundle_add_line(struct text *text, enum bundle_kind kind, const char *name, size_t size)
{
	text_add(text, kinds[kind]);
	text_add_char(text, ' ');
	text_add_uint(text, size);
	text_add_char(text, ' ');
	line_add_value(text, name);
}

/* Cuts the word that *line begins with off it; NULL when no space follows. */
static char *cut_word(char **line)
{
	char *word = *line, *space = strchr(word, ' ');

	if (space == NULL)
		return NULL;
	*space = '\0';
	*line = space + 1;
	return word;
}

static int read_line(char *line, struct bundle_item *item)
{
	const char *kind = cut_word(&line), *size = kind != NULL ? cut_word(&line) : NULL;
	uint64_t number;

	if (size == NULL || text_to_uint(size, strlen(size), BUNDLE_SIZE_MAX, &number) != 0 ||
		line_unescape(line) != 0)
		return -EINVAL;
	item->size = (size_t)number;
	item->name = line;
	for (size_t i = 0; i < BUNDLE_KINDS; i++) {
		if (strcmp(kinds[i], kind) != 0)
			continue;
		item->kind = (enum bundle_kind)i;
		return 0;
	}
	return -EINVAL;
}

int bundle_next(char **bytes, size_t *size, struct bundle_item *item)
{
	char *line = *bytes, *newline = *size != 0 ? memchr(line, '\n', *size) : NULL;
	size_t left;

	if (*size == 0)
		return 0;
	if (newline == NULL || memchr(line, '\0', (size_t)(newline - line)) != NULL)
		return -EINVAL;
	*newline = '\0';
	left = *size - (size_t)(newline + 1 - line);
	if (read_line(line, item) != 0 || item->size >= left || newline[1 + item->size] != '\n')
		return -EINVAL;
	item->bytes = newline + 1;
	*bytes = newline + 1 + item->size + 1;
	*size = left - item->size - 1;
	return 1;
}

/* Behind the first item: its line, and a line of digits. */
static const char *skip_made(const char *bytes, size_t size)
{
	const char *newline = size != 0 ? memchr(bytes, '\n', size) : NULL;

	if (newline != NULL)
		newline = memchr(newline + 1, '\n', size - (size_t)(newline + 1 - bytes));
	return newline != NULL ? newline + 1 : bytes;
}

bool bundle_same(const char *one, size_t one_size, const char *other, size_t other_size)
{
	const char *a = skip_made(one, one_size), *b = skip_made(other, other_size);
	size_t size = one_size - (size_t)(a - one);

	return size == other_size - (size_t)(b - other) && memcmp(a, b, size) == 0;
}
