#include "service/apps/mime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "narwhal/service.h"
#include "service/octet.h"

/* The most that is read of a table, which is not ours. */
#define ROWS_MAX 16384
#define TYPE_MAX 127 /* RFC 6838 section 4.2: two names of 63 */

static const char charset[] = "; charset=utf-8";

struct mime_row {
	char extension[MIME_EXTENSION_MAX + 1];
	const char *type;
};

static const struct mime_row built_in[] = {
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
_Static_assert(COUNT_OF(built_in) == MIME_ROWS, "one member for each row");

/* Copies the extension in lower case, NUL-terminated; false when it is too long. */
static bool copy_extension(const char *bytes, size_t size, char extension[MIME_EXTENSION_MAX + 1])
{
	if (size > MIME_EXTENSION_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = bytes[i];

		extension[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	extension[size] = '\0';
	return true;
}

/* "" when there is none that fits. */
static void extension_of(const char *path, size_t size, char extension[MIME_EXTENSION_MAX + 1])
{
	size_t start = size;

	extension[0] = '\0';
	while (start > 0 && path[start - 1] != '.' && path[start - 1] != '/')
		start--;
	if (start > 0 && path[start - 1] == '.')
		(void)copy_extension(path + start, size - start, extension);
}

static const char *find(const struct mime_row *rows, size_t high, const char *extension)
{
	size_t low = 0;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(extension, rows[middle].extension);

		if (order == 0)
			return rows[middle].type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *mime_type(const struct mime *mime, const char *path, size_t size)
{
	char extension[MIME_EXTENSION_MAX + 1];
	const char *type;

	extension_of(path, size, extension);
	type = find(mime->rows, mime->count, extension);
	if (type == NULL)
		type = find(built_in, MIME_ROWS, extension);
	return type != NULL ? type : "application/octet-stream";
}

/* Reading a table: */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static size_t word_at(struct narwhal_bytes *line, const char **word)
{
	size_t blanks = 0, end;

	while (blanks < line->size && is_blank(line->data[blanks]))
		blanks++;
	for (end = blanks; end < line->size && !is_blank(line->data[end]);)
		end++;
	*word = line->data + blanks;
	line->data += end;
	line->size -= end;
	return end - blanks;
}

static bool is_type(const char *word, size_t size)
{
	const char *slash = memchr(word, '/', size);
	size_t before = slash != NULL ? (size_t)(slash - word) : 0;

	return before != 0 && before + 1 < size && size <= TYPE_MAX &&
	       octet_span(word, 0, before, OCTET_TOKEN) == before &&
	       octet_span(word, before + 1, size, OCTET_TOKEN) == size;
}

static bool is_extension(const char *word, size_t size)
{
	return size != 0 && octet_span(word, 0, size, OCTET_TOKEN) == size &&
	       memchr(word, '.', size) == NULL;
}

/* What a line needs at most: its bytes, the charset, and a NUL. */
static const char *write_type(char **at, const char *word, size_t size)
{
	const char *type = *at;

	*at = mempcpy(*at, word, size);
	if (size > 5 && strncasecmp(word, "text/", 5) == 0)
		*at = mempcpy(*at, charset, sizeof(charset) - 1);
	*(*at)++ = '\0';
	return type;
}

static void read_line(struct mime *mime, struct narwhal_bytes line, char **at)
{
	const char *word, *type;
	size_t size, extension;

	/* Of most types no extension is known, and then there is nothing but the type. */
	if (memchr(line.data, '\t', line.size) == NULL && memchr(line.data, ' ', line.size) == NULL)
		return;
	size = word_at(&line, &word);
	if (!is_type(word, size))
		return;
	type = write_type(at, word, size);
	while ((extension = word_at(&line, &word)) != 0 && mime->count < ROWS_MAX) {
		struct mime_row *row = &mime->rows[mime->count];

		if (!is_extension(word, extension) ||
			!copy_extension(word, extension, row->extension))
			continue;
		row->type = type;
		mime->count++;
	}
}

/* Of the same extension the earlier line comes first: types were written in the order of lines. */
static int compare(const void *a, const void *b)
{
	const struct mime_row *x = a, *y = b;
	int order = strcmp(x->extension, y->extension);

	return order != 0 ? order : (x->type > y->type) - (x->type < y->type);
}

static void sort(struct mime *mime)
{
	size_t kept = 0;

	qsort(mime->rows, mime->count, sizeof(*mime->rows), compare);
	for (size_t i = 0; i < mime->count; i++) {
		if (kept == 0 ||
			strcmp(mime->rows[kept - 1].extension, mime->rows[i].extension) != 0)
			mime->rows[kept++] = mime->rows[i];
	}
	mime->count = kept;
}

static size_t count_of(const char *bytes, size_t size, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += bytes[i] == c;
	return count;
}

int mime_read(struct mime *mime, const char *bytes, size_t size)
{
	size_t lines = count_of(bytes, size, '\n') + 1, words = size / 2 + 1;
	size_t rows = words < ROWS_MAX ? words : ROWS_MAX;
	char *at;

	*mime = (struct mime){
		.rows = calloc(rows, sizeof(*mime->rows)),
		.types = malloc(size + lines * sizeof(charset)),
	};
	if (mime->rows == NULL || mime->types == NULL) {
		mime_free(mime);
		return -ENOMEM;
	}
	at = mime->types;
	while (size > 0) {
		const char *end = memchr(bytes, '\n', size);
		size_t line = end != NULL ? (size_t)(end - bytes) : size;

		if (*bytes != '#')
			read_line(mime, (struct narwhal_bytes){bytes, line}, &at);
		line += end != NULL;
		bytes += line;
		size -= line;
	}
	sort(mime);
	return 0;
}

void mime_free(struct mime *mime)
{
	free(mime->rows);
	free(mime->types);
	*mime = (struct mime){0};
}

/* Kinds of data, by the beginning or the end of the type's name without its parameters. */
static const char *const text_types[] = {"text/", "application/javascript", "application/json",
	"application/xml", "application/wasm", "application/yaml", "application/toml",
	"application/sql", "application/rtf", "application/x-ndjson", "application/postscript",
	"application/vnd.ms-fontobject", "font/ttf", "font/otf", "font/collection", "image/bmp",
	"image/x-icon", "image/vnd.microsoft.icon", "model/obj", "model/gltf+json"};

static const char *const packed_types[] = {"image/", "video/", "audio/", "font/woff",
	"application/zip", "application/gzip", "application/zstd", "application/x-brotli",
	"application/x-xz", "application/x-bzip2", "application/x-7z-compressed"};

static bool begins_with_one(const char *type, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncasecmp(type, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static bool has_suffix(const char *type, const char *suffix)
{
	size_t size = strcspn(type, ";"), length = strlen(suffix);

	return size > length && strncasecmp(type + size - length, suffix, length) == 0;
}

bool mime_is_text(const char *type)
{
	return begins_with_one(type, text_types, COUNT_OF(text_types)) ||
	       has_suffix(type, "+xml") || has_suffix(type, "+json");
}

bool mime_is_packed(const char *type)
{
	return !mime_is_text(type) && begins_with_one(type, packed_types, COUNT_OF(packed_types));
}
