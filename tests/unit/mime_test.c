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

static const char *type_of(const char *path)
{
	return mime_type(path, strlen(path));
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
	assert_string_equal(mime_type("a.html", 4), "application/octet-stream");
	assert_string_equal(mime_type("a.jsx", 4), "text/javascript; charset=utf-8");
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
