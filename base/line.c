#include "base/line.h"

#include <errno.h>

void line_add_value(struct text *text, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			text_add(text, "\\n");
		else if (*value == '\\')
			text_add(text, "\\\\");
		else
			text_add_char(text, *value);
	}
	text_add_char(text, '\n');
}

int line_unescape(char *value)
{
	char *to = value;

	for (; *value != '\0'; value++) {
		if (*value != '\\') {
			*to++ = *value;
			continue;
		}
		value++;
		if (*value != 'n' && *value != '\\')
			return -EINVAL;
		*to++ = *value == 'n' ? '\n' : '\\';
	}
	*to = '\0';
	return 0;
}
