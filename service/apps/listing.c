#include "service/apps/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* A row with a name whose every byte is escaped, three or six bytes for one, twice. */
#define ROW_MAX (256 * (3 + 6) + 256)

static const char head[] = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
			   "<meta name=\"viewport\" content=\"width=device-width\">\n<title>";
static const char style[] =
	"</title>\n<style>\nbody { font-family: sans-serif; margin: 2em }\n"
	"td { padding-right: 2em }\ntd:nth-child(2) { text-align: right }\n</style>\n<h1>";

int listing_add(struct listing *listing, const char *name, const struct listing_row *row)
{
	struct listing_row *rows = listing->rows;
	char *copy;

	if (listing->count == LISTING_MAX) {
		listing->cut = true;
		return 0;
	}
	/* Room for a power of two. */
	if ((listing->count & (listing->count - 1)) == 0) {
		size_t most = listing->count != 0 ? 2 * listing->count : 1;

		rows = realloc(rows, most * sizeof(*rows));
		if (rows == NULL)
			return -ENOMEM;
		listing->rows = rows;
	}
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	rows[listing->count] = *row;
	rows[listing->count++].name = copy;
	return 0;
}

static void add_html(struct text *text, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (strchr("<>&\"'", c) == NULL && c >= ' ' && c != 0x7f) {
			text_add_char(text, (char)c);
			continue;
		}
		text_add(text, "&#");
		text_add_uint(text, c < ' ' || c == 0x7f ? '?' : c);
		text_add_char(text, ';');
	}
}

/* Everything but the unreserved characters of RFC 3986 section 2.3. */
static void add_href(struct text *text, const char *name)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)*name;
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (letter || (c >= '0' && c <= '9') || strchr("-._~", c) != NULL) {
			text_add_char(text, (char)c);
			continue;
		}
		text_add_char(text, '%');
		text_add_char(text, digits[c >> 4]);
		text_add_char(text, digits[c & 15]);
	}
}

static int add_row(struct buffer *page, const struct listing_row *row)
{
	char bytes[ROW_MAX];
	struct text text = TEXT_OVER(bytes);
	const char *slash = row->is_directory ? "/" : "";

	/* "./" before it: a name with a colon would be a scheme. */
	text_add(&text, "<tr><td><a href=\"./");
	add_href(&text, row->name);
	text_add(&text, slash);
	text_add(&text, "\">");
	add_html(&text, row->name, strlen(row->name));
	text_add(&text, slash);
	text_add(&text, "</a><td>");
	if (!row->is_directory)
		text_add_uint(&text, row->size);
	text_add(&text, "<td>");
	clock_add_http_date(&text, row->modified);
	text_add_char(&text, '\n');
	return buffer_add(page, text.bytes, text.used);
}

static int compare(const void *a, const void *b)
{
	const struct listing_row *x = a, *y = b;

	if (x->is_directory != y->is_directory)
		return x->is_directory ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int add_head(struct buffer *page, struct narwhal_bytes path)
{
	size_t room = sizeof(head) + sizeof(style) + 2 * (7 * path.size + 1) + 128;
	struct text text;

	if (buffer_reserve(page, room) != 0)
		return -ENOMEM;
	text = (struct text){.bytes = page->bytes + page->used, .size = room};
	text_add(&text, head);
	text_add_char(&text, '/');
	add_html(&text, path.data, path.size);
	text_add(&text, style);
	text_add_char(&text, '/');
	add_html(&text, path.data, path.size);
	text_add(&text, "</h1>\n<table>\n");
	if (path.size != 0)
		text_add(&text, "<tr><td><a href=\"../\">../</a><td><td>\n");
	page->used += text.used;
	return 0;
}

int listing_write(struct listing *listing, struct narwhal_bytes path, struct buffer *page)
{
	static const char more[] = "</table>\n<p>There is more, which is not listed.\n";
	static const char end[] = "</table>\n";
	int error = add_head(page, path);

	if (listing->count != 0)
		qsort(listing->rows, listing->count, sizeof(*listing->rows), compare);
	for (size_t i = 0; error == 0 && i < listing->count; i++)
		error = add_row(page, &listing->rows[i]);
	if (error == 0)
		error = buffer_add(page, listing->cut ? more : end,
			(listing->cut ? sizeof(more) : sizeof(end)) - 1);
	return error;
}

void listing_free(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->rows[i].name);
	free(listing->rows);
	*listing = (struct listing){0};
}
