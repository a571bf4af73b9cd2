/* Media types by extension. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service/apps/mime.h"

static const struct {
	const char *extension;
	const char *type;
} rows[] = {
#define MIME(extension, type) {#extension, type},
#include "service/apps/mime.def"
#undef MIME
};

static const struct mime built_in;

static const char *type_of(const char *path)
{
	return mime_type(&built_in, path, strlen(path));
}

static void the_rows_are_sorted_so_that_halving_finds_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char path[64] = "a/b.c/name.";

		strcat(path, rows[i].extension);
		assert_string_equal(type_of(path), rows[i].type);
		if (i > 0)
			assert_true(strcmp(rows[i - 1].extension, rows[i].extension) < 0);
	}
}

static void extensions_fit_and_are_lower_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_in_range(strlen(rows[i].extension), 1, 15);
		assert_int_equal(strspn(rows[i].extension, "abcdefghijklmnopqrstuvwxyz0123456789"),
			strlen(rows[i].extension));
	}
}

static void text_says_its_charset_and_nothing_else_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(strncmp(rows[i].type, "text/", 5) == 0,
			strstr(rows[i].type, "; charset=utf-8") != NULL);
		assert_int_equal(strspn(rows[i].type,
					 "abcdefghijklmnopqrstuvwxyz0123456789/+-.; ="),
			strlen(rows[i].type));
	}
}

static void the_types_of_a_web_page_are_known(void **state)
{
	(void)state;
	assert_string_equal(type_of("index.html"), "text/html; charset=utf-8");
	assert_string_equal(type_of("a/style.css"), "text/css; charset=utf-8");
	assert_string_equal(type_of("a/b/app.js"), "text/javascript; charset=utf-8");
	assert_string_equal(type_of("app.mjs"), "text/javascript; charset=utf-8");
	assert_string_equal(type_of("favicon.svg"), "image/svg+xml");
	assert_string_equal(type_of("favicon.ico"), "image/x-icon");
	assert_string_equal(type_of("data.json"), "application/json");
	assert_string_equal(type_of("main.wasm"), "application/wasm");
	assert_string_equal(type_of("font.woff2"), "font/woff2");
	assert_string_equal(type_of("site.webmanifest"), "application/manifest+json");
}

static void the_last_extension_counts_in_any_case(void **state)
{
	(void)state;
	assert_string_equal(type_of("PHOTO.JPG"), "image/jpeg");
	assert_string_equal(type_of("page.HtMl"), "text/html; charset=utf-8");
	assert_string_equal(type_of("src.tar.gz"), "application/gzip");
	assert_string_equal(type_of("evil.html.zip"), "application/zip");
}

static void without_a_known_extension_it_is_bytes(void **state)
{
	static const char *const paths[] = {"", "README", "a.html/README", "name.", "name.unknown",
		"a.htmlx", "a.htm l", "html", "a/html", "a.html.", "a.verylongextensionindeed",
		"a.123456789012345", "a.1234567890123456", "a.\xc3\xa9", ".", "/", "a/."};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_string_equal(type_of(paths[i]), "application/octet-stream");
}

static void no_byte_behind_the_path_is_read(void **state)
{
	(void)state;
	assert_string_equal(mime_type(&built_in, "a.html", 4), "application/octet-stream");
	assert_string_equal(mime_type(&built_in, "a.jsx", 4), "text/javascript; charset=utf-8");
}

/* In memory of its exact size. */
static struct mime read_table(const char *table)
{
	size_t size = strlen(table);
	char *exact = test_malloc(size + 1);
	struct mime mime;

	memcpy(exact, table, size);
	exact[size] = 'x';
	assert_int_equal(mime_read(&mime, exact, size), 0);
	test_free(exact);
	return mime;
}

static void a_table_comes_before_the_one_that_is_built_in(void **state)
{
	static const struct {
		const char *path, *type;
	} wanted[] = {
		{"a.txt", "text/x-mine; charset=utf-8"},
		{"a.TXT", "text/x-mine; charset=utf-8"},
		{"a.css", "text/css; charset=utf-8"},
		{"a.new", "application/x-new+v1.0"},
		{"a.newer", "application/x-new+v1.0"},
		{"a.last", "model/last"},
		{"a.c++", "text/x-c++; charset=utf-8"},
		{"a.type", "application/octet-stream"},
	};
	struct mime mime = read_table("# extensions\n\n#x/y txt\n  text/x-mine\ttxt TXT2  \n"
				      "application/x-new+v1.0 new\tnewer\r\ntext/later txt\n"
				      "text/x-c++ c++\nmodel/empty\nmodel/last last");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		assert_string_equal(mime_type(&mime, wanted[i].path, strlen(wanted[i].path)),
			wanted[i].type);
	mime_free(&mime);
	assert_int_equal(mime.count, 0);
}

static void what_is_no_row_is_left_out(void **state)
{
	static const char *const tables[] = {"", "\n\n", "txt", "text txt", "/plain txt",
		"text/ txt", "text/pl\x01in txt", "text/a;b txt", "te xt/plain", "text/plain",
		"text/plain \xff", "text/plain .txt", "text/plain a/b", "text/plain a:b",
		"text/plain abcdefghijklmnop", "text//plain txt"};
	struct mime longest;
	char table[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		struct mime mime = read_table(tables[i]);

		if (mime.count != 0)
			fail_msg("\"%s\" made a row", tables[i]);
		mime_free(&mime);
	}
	memset(table, 'a', sizeof(table));
	strcpy(table + 240, "/b txt");
	longest = read_table(table);
	assert_int_equal(longest.count, 0);
	mime_free(&longest);
}

static void text_is_compressed_and_what_is_packed_is_not(void **state)
{
	static const struct {
		const char *type;
		bool text, packed;
	} wanted[] = {
		{"text/html; charset=utf-8", true, false},
		{"application/json", true, false},
		{"application/ld+json", true, false},
		{"image/svg+xml", true, false},
		{"image/svg+xml; charset=utf-8", true, false},
		{"application/wasm", true, false},
		{"image/x-icon", true, false},
		{"image/png", false, true},
		{"video/mp4", false, true},
		{"font/woff2", false, true},
		{"application/gzip", false, true},
		{"application/octet-stream", false, false},
		{"application/pdf", false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		if (mime_is_text(wanted[i].type) != wanted[i].text ||
			mime_is_packed(wanted[i].type) != wanted[i].packed)
			fail_msg("%s is taken for something else", wanted[i].type);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rows_are_sorted_so_that_halving_finds_each),
		cmocka_unit_test(extensions_fit_and_are_lower_case),
		cmocka_unit_test(text_says_its_charset_and_nothing_else_does),
		cmocka_unit_test(the_types_of_a_web_page_are_known),
		cmocka_unit_test(the_last_extension_counts_in_any_case),
		cmocka_unit_test(without_a_known_extension_it_is_bytes),
		cmocka_unit_test(no_byte_behind_the_path_is_read),
		cmocka_unit_test(a_table_comes_before_the_one_that_is_built_in),
		cmocka_unit_test(what_is_no_row_is_left_out),
		cmocka_unit_test(text_is_compressed_and_what_is_packed_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
