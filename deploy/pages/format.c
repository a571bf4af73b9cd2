#include "deploy/pages/format.h"

#include <string.h>

void format_flag_name(FILE *out, const char *name)
{
	for (; *name != '\0'; name++)
		(void)fputc(*name == '_' ? '-' : *name, out);
}

size_t format_brief(const char *help)
{
	size_t size = strcspn(help, ";:");

	return size < 72 ? size : strcspn(help, ";:,");
}

enum format_value format_value(const struct setting *row)
{
	if (row->type == SETTING_CHOICE)
		return VALUE_WORDS;
	if (strcmp(row->looks, "DIR") == 0)
		return VALUE_DIRECTORY;
	if (strncmp(row->looks, "FILE", 4) == 0 || strcmp(row->looks, "PATH") == 0)
		return VALUE_FILE;
	return VALUE_ANY;
}

void format_words(FILE *out, const struct setting *row, char between)
{
	for (const char *at = row->looks; *at != '\0'; at++)
		(void)fputc(*at == '|' ? between : *at, out);
}
