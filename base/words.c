#include "base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where in the text, and where in the words. */
struct split {
	const char *from;
	char *to;
};

/* Inside '...' nothing is special; inside "..." a backslash is, before a few (POSIX XCU 2.2). */
static int take_quoted(struct split *split, char quote)
{
	while (*split->from != quote) {
		if (*split->from == '\0')
			return -EINVAL;
		if (quote == '"' && *split->from == '\\' && split->from[1] != '\0' &&
			strchr("$`\"\\\n", split->from[1]) != NULL)
			split->from++;
		*split->to++ = *split->from++;
	}
	split->from++;
	return 0;
}

static int take_word(struct split *split)
{
	while (*split->from != '\0' && strchr(" \t\n", *split->from) == NULL) {
		char c = *split->from++;

		if (c == '\'' || c == '"') {
			if (take_quoted(split, c) != 0)
				return -EINVAL;
			continue;
		}
		if (c == '\\')
			c = *split->from == '\0' ? '\0' : *split->from++;
		if (c == '\0')
			return -EINVAL;
		*split->to++ = c;
	}
	*split->to++ = '\0';
	return 0;
}

int words_split(const char *text, char ***words)
{
	size_t length = strlen(text);
	size_t most = length / 2 + 2; /* a word takes two bytes, but for the last; and the NULL */
	char **list = malloc(most * sizeof(*list) + length + 1);
	struct split split = {.from = text};
	size_t n = 0;

	if (list == NULL)
		return -ENOMEM;
	split.to = (char *)(list + most);
	for (;;) {
		split.from += strspn(split.from, " \t\n");
		if (*split.from == '\0')
			break;
		list[n++] = split.to;
		if (take_word(&split) != 0) {
			free(list);
			return -EINVAL;
		}
	}
	list[n] = NULL;
	*words = list;
	return 0;
}

/* As in 'it'\''s'. */
static void add_quoted(struct text *text, const char *word)
{
	text_add_char(text, '\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			text_add(text, "'\\''");
		else
			text_add_char(text, *word);
	}
	text_add_char(text, '\'');
}

static bool is_plain(const char *word)
{
	return word[0] != '\0' && strpbrk(word, " \t\n'\"\\") == NULL;
}

void words_join(char *const *words, struct text *text)
{
	for (; *words != NULL; words++) {
		if (text->used != 0)
			text_add_char(text, ' ');
		if (is_plain(*words))
			text_add(text, *words);
		else
			add_quoted(text, *words);
	}
}

bool words_are_program(const char *app)
{
	return app != NULL && strncmp(app, "-- ", 3) == 0;
}

int words_of_program(const char *app, char ***words)
{
	int error = words_split(app + 3, words);

	if (error != 0 || **words != NULL)
		return error;
	free(*words);
	return -EINVAL;
}
