#include "init/placeholders.h"

#include <stddef.h>
#include <string.h>

static const char *const names[PLACEHOLDERS] = {
#define PLACEHOLDER(name, meaning) [PLACEHOLDER_##name] = "{" #name "}",
#include "init/placeholders.def"
#undef PLACEHOLDER
};

/* The one that stands there, or PLACEHOLDERS. */
static enum placeholder find(const char *at)
{
	enum placeholder i = 0;

	while (i < PLACEHOLDERS && strncmp(at, names[i], strlen(names[i])) != 0)
		i++;
	return i;
}

void placeholders_fill(const char *words, const uint64_t values[PLACEHOLDERS], struct text *text)
{
	while (*words != '\0') {
		enum placeholder found = find(words);

		if (found == PLACEHOLDERS) {
			text_add_char(text, *words++);
		} else {
			text_add_uint(text, values[found]);
			words += strlen(names[found]);
		}
	}
}

bool placeholders_has(const char *words, enum placeholder placeholder)
{
	return strstr(words, names[placeholder]) != NULL;
}
