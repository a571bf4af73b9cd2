#include "init/scaffold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* What the table says stands here for the module's name. */
#define NAME_MARK '@'

static const struct row {
	const char *file; /* its name, where it begins; else NULL */
	const char *line;
} rows[] = {
#define FILE(name) {name, NULL},
#define LINE(text) {NULL, text},
#include "init/scaffold.def"
#undef FILE
#undef LINE
};

static bool is_name(const char *name)
{
	size_t size = strnlen(name, SCAFFOLD_NAME_MAX + 1);

	return size != 0 && size <= SCAFFOLD_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size &&
	       (name[0] < '0' || name[0] > '9') && name[0] != '_';
}

static void add_line(struct text *text, const char *line, const char *name)
{
	for (; *line != '\0'; line++) {
		if (*line == NAME_MARK)
			text_add(text, name);
		else
			text_add_char(text, *line);
	}
}

/* The file that begins with this row. */
static int write_file(int directory_fd, const struct row *row, const char *name)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);
	FD_SCOPED fd = -1;

	add_line(&text, row->file, name);
	fd = openat(directory_fd, bytes, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	for (row++; row < rows + COUNT_OF(rows) && row->file == NULL; row++) {
		text = TEXT_OVER(bytes);
		add_line(&text, row->line, name);
		text_add_char(&text, '\n');
		MUST(!text.cut);
		if (write(fd, text.bytes, text.used) != (ssize_t)text.used)
			return errno != 0 ? -errno : -ENOSPC;
	}
	return 0;
}

static int write_all(int directory_fd, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int error = rows[i].file != NULL ? write_file(directory_fd, &rows[i], name) : 0;

		if (error != 0)
			return error;
	}
	return 0;
}

int scaffold_module(int directory_fd, const char *name, struct text *why)
{
	FD_SCOPED fd = -1;
	int error;

	if (!is_name(name)) {
		text_printf(why,
			"new module \"%s\": allowed are up to %d characters a-z, 0-9 and _, "
			"beginning with a letter",
			name, SCAFFOLD_NAME_MAX);
		return -EINVAL;
	}
	error = mkdirat(directory_fd, name, 0777) == 0 ? 0 : -errno;
	if (error == 0) {
		fd = openat(directory_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		error = fd >= 0 ? write_all(fd, name) : -errno;
	}
	if (error != 0)
		text_printf(why, "new module \"%s\": %s: nothing is written over", name,
			strerror(-error));
	return error;
}
