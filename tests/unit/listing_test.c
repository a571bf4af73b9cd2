/* The page that lists a directory. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "service/apps/listing.h"

static const char *write_page(struct listing *listing, const char *path, struct buffer *page)
{
	const struct narwhal_bytes bytes = {path, strlen(path)};

	assert_int_equal(listing_write(listing, bytes, page), 0);
	assert_int_equal(buffer_add(page, "", 1), 0);
	return page->bytes;
}

static void add(struct listing *listing, const char *name, const struct listing_row *row)
{
	assert_int_equal(listing_add(listing, name, row), 0);
}

static void directories_come_first_and_each_kind_in_the_order_of_its_bytes(void **state)
{
	static const char *const files[] = {"b", "a", "B", "a.txt"};
	static const char *const directories[] = {"z", "c"};
	static const char *const order[] = {"../", "c/", "z/", "B", "a", "a.txt", "b"};
	struct listing listing = {0};
	struct buffer page = {0};
	const char *at;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++)
		add(&listing, files[i], &(struct listing_row){.size = 1});
	for (size_t i = 0; i < COUNT_OF(directories); i++)
		add(&listing, directories[i], &(struct listing_row){.is_directory = true});
	at = write_page(&listing, "d/", &page);
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "\">%s</a>", order[i]);
		at = strstr(at, text);
		assert_non_null(at);
	}
	listing_free(&listing);
	buffer_free(&page);
}

static void a_row_says_name_size_and_time(void **state)
{
	struct listing listing = {0};
	struct buffer page = {0};
	const char *text;

	(void)state;
	add(&listing, "a", &(struct listing_row){.size = 12345, .modified = 784111777});
	add(&listing, "d", &(struct listing_row){.is_directory = true, .size = 4096});
	text = write_page(&listing, "", &page);
	assert_non_null(strstr(text, "<tr><td><a href=\"./a\">a</a><td>12345<td>"
				     "Sun, 06 Nov 1994 08:49:37 GMT\n"));
	assert_non_null(strstr(text, "<tr><td><a href=\"./d/\">d/</a><td><td>"));
	assert_null(strstr(text, "../"));
	assert_non_null(strstr(text, "<title>/</title>"));
	listing_free(&listing);
	buffer_free(&page);
}

/* A name, and what stands for it in a link and between tags. */
static const struct {
	const char *name, *href, *html;
} name_cases[] = {
	{"plain-._~9", "plain-._~9", "plain-._~9"},
	{"a b", "a%20b", "a b"},
	{"javascript:x", "javascript%3Ax", "javascript:x"},
	{"<script>", "%3Cscript%3E", "&#60;script&#62;"},
	{"\"'&", "%22%27%26", "&#34;&#39;&#38;"},
	{"%2e%2e", "%252e%252e", "%2e%2e"},
	{"a?b#c", "a%3Fb%23c", "a?b#c"},
	{"\n\x7f", "%0A%7F", "&#63;&#63;"},
	{"\xc3\xa9", "%C3%A9", "\xc3\xa9"},
};

static void no_name_can_be_more_than_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(name_cases); i++) {
		struct listing listing = {0};
		struct buffer page = {0};
		char text[256];

		add(&listing, name_cases[i].name, &(struct listing_row){.size = 1});
		(void)snprintf(text, sizeof(text), "<a href=\"./%s\">%s</a>", name_cases[i].href,
			name_cases[i].html);
		assert_non_null(strstr(write_page(&listing, "", &page), text));
		page.used = 0;
		(void)snprintf(text, sizeof(text), "<title>/%s</title>", name_cases[i].html);
		assert_non_null(strstr(write_page(&listing, name_cases[i].name, &page), text));
		listing_free(&listing);
		buffer_free(&page);
	}
}

/* The longest name there is (NAME_MAX), of what takes most room. */
static void the_longest_name_is_whole(void **state)
{
	struct listing listing = {0};
	struct buffer page = {0};
	char name[256], path[4096];
	const char *text;
	size_t quotes = 0;

	(void)state;
	memset(name, '"', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(path, '"', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	add(&listing, name, &(struct listing_row){.size = UINT64_MAX});
	text = write_page(&listing, path, &page);
	for (const char *at = text; (at = strstr(at, "&#34;")) != NULL; at++)
		quotes++;
	assert_int_equal(quotes, 2 * (sizeof(path) - 1) + sizeof(name) - 1);
	assert_non_null(strstr(text, "</table>\n"));
	listing_free(&listing);
	buffer_free(&page);
}

static void what_is_too_much_is_left_out_and_the_page_says_so(void **state)
{
	struct listing listing = {0};
	struct buffer page = {0};

	(void)state;
	for (unsigned i = 0; i <= LISTING_MAX; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%u", i);
		add(&listing, name, &(struct listing_row){.size = i});
		assert_int_equal(listing.cut, i == LISTING_MAX);
	}
	assert_int_equal(listing.count, LISTING_MAX);
	assert_non_null(strstr(write_page(&listing, "", &page), "There is more"));
	listing_free(&listing);
	assert_null(listing.rows);
	page.used = 0;
	assert_null(strstr(write_page(&listing, "", &page), "There is more"));
	buffer_free(&page);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_come_first_and_each_kind_in_the_order_of_its_bytes),
		cmocka_unit_test(a_row_says_name_size_and_time),
		cmocka_unit_test(no_name_can_be_more_than_a_name),
		cmocka_unit_test(the_longest_name_is_whole),
		cmocka_unit_test(what_is_too_much_is_left_out_and_the_page_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
