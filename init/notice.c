#include "init/notice.h"

#include <string.h>

static const struct {
	const char *line;
	size_t size;
} rows[NOTICES] = {
#define NOTICE(name, line, meaning) [NOTICE_##name] = {(line), sizeof(line) - 1},
#include "init/notices.def"
#undef NOTICE
};

static bool is_row(size_t row, const char *line, size_t size)
{
	bool has_value = rows[row].line[rows[row].size - 1] == '=';

	if (has_value ? size < rows[row].size : size != rows[row].size)
		return false;
	return memcmp(line, rows[row].line, rows[row].size) == 0;
}

static void read_line(const char *line, size_t size, struct notice_found *found)
{
	for (size_t i = 0; i < NOTICES; i++) {
		if (!is_row(i, line, size))
			continue;
		found->said[i] = true;
		found->value[i] = line + rows[i].size;
		found->size[i] = size - rows[i].size;
	}
}

void notice_read(const char *bytes, size_t size, struct notice_found *found)
{
	*found = (struct notice_found){0};
	while (size > 0) {
		const char *newline = memchr(bytes, '\n', size);
		size_t line = newline != NULL ? (size_t)(newline - bytes) : size;

		read_line(bytes, line, found);
		if (newline == NULL)
			return;
		bytes += line + 1;
		size -= line + 1;
	}
}
