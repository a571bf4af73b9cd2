#include "service/apps/mime.h"

#include <stdint.h>

static const struct {
	char extension[16];
	const char *type;
} rows[] = {
#define MIME(extension, type) {#extension, type},
#include "service/apps/mime.def"
#undef MIME
};

/* An extension given twice does not compile; that the rows are sorted is tested. */
enum {
#define MIME(extension, type) MIME_##extension,
#include "service/apps/mime.def"
#undef MIME
	MIME_ROWS
};
_Static_assert(COUNT_OF(rows) == MIME_ROWS, "one member for each row");

/* Copies the extension in lower case, NUL-terminated; leaves "" when there is none that fits. */
static void extension_of(const char *path, size_t size, char extension[16])
{
	size_t start = size, n;

	extension[0] = '\0';
	while (start > 0 && path[start - 1] != '.' && path[start - 1] != '/')
		start--;
	n = size - start;
	if (start == 0 || path[start - 1] == '/' || n >= sizeof(rows[0].extension))
		return;
	for (size_t i = 0; i < n; i++) {
		char c = path[start + i];

		extension[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	extension[n] = '\0';
}

/* strcmp(3) would cost a call for each of seven steps; extensions differ in the first bytes. */
static int compare(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

const char *mime_type(const char *path, size_t size)
{
	size_t low = 0, high = MIME_ROWS;
	char extension[sizeof(rows[0].extension)];

	extension_of(path, size, extension);
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(extension, rows[middle].extension);

		if (order == 0)
			return rows[middle].type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return "application/octet-stream";
}
