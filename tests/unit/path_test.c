/* The way from a request's path to a file's name: every known trick to leave the root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service/apps/path.h"

struct row {
	const char *encoded;
	enum path_kind kind;
	const char *resolved; /* NULL: not looked at */
};

static void check(const struct row *rows, size_t n)
{
	struct path path;

	for (size_t i = 0; i < n; i++) {
		/* A copy of exact size: reading past the end is seen by the sanitizer. */
		size_t size = strlen(rows[i].encoded);
		char *exact = test_malloc(size + 1);
		enum path_kind kind;

		memcpy(exact, rows[i].encoded, size);
		exact[size] = '%';
		kind = path_resolve(&path, exact, size);
		if (kind != rows[i].kind)
			print_message("# %s\n", rows[i].encoded);
		assert_int_equal(kind, rows[i].kind);
		if (rows[i].resolved != NULL)
			assert_string_equal(path.bytes, rows[i].resolved);
		test_free(exact);
	}
}

static void a_plain_path_names_the_file_below_the_root(void **state)
{
	static const struct row rows[] = {
		{"/index.html", PATH_FILE, "index.html"},
		{"/a/b/c.css", PATH_FILE, "a/b/c.css"},
		{"/a%20b", PATH_FILE, "a b"},
		{"/%61%62", PATH_FILE, "ab"},
		{"/%7Euser/x", PATH_FILE, "~user/x"},
		{"/caf%C3%A9", PATH_FILE, "caf\xc3\xa9"},
		{"/caf\xc3\xa9", PATH_FILE, "caf\xc3\xa9"},
		{"/a+b", PATH_FILE, "a+b"},
		{"/a.", PATH_FILE, "a."},
		{"/a..b", PATH_FILE, "a..b"},
		{"/a..", PATH_FILE, "a.."},
		{"/a;b=c", PATH_FILE, "a;b=c"},
		{"/a:b", PATH_FILE, "a:b"},
		{"/~", PATH_FILE, "~"},
		{"/-rf", PATH_FILE, "-rf"},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void a_slash_at_the_end_or_nothing_at_all_is_a_directory(void **state)
{
	static const struct row rows[] = {
		{"", PATH_DIRECTORY, ""},
		{"/", PATH_DIRECTORY, ""},
		{"//", PATH_DIRECTORY, ""},
		{"/a/", PATH_DIRECTORY, "a/"},
		{"/a/b/", PATH_DIRECTORY, "a/b/"},
		{"/a//", PATH_DIRECTORY, "a/"},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void empty_segments_are_left_out(void **state)
{
	static const struct row rows[] = {
		{"//a", PATH_FILE, "a"},
		{"///a///b", PATH_FILE, "a/b"},
		{"//evil.example/", PATH_DIRECTORY, "evil.example/"},
		{"//../a", PATH_HIDDEN, NULL},
		{"/a//../b", PATH_FILE, "b"},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void dot_segments_are_resolved_below_the_root(void **state)
{
	static const struct row rows[] = {
		{"/.", PATH_DIRECTORY, ""},
		{"/./", PATH_DIRECTORY, ""},
		{"/./a", PATH_FILE, "a"},
		{"/a/.", PATH_DIRECTORY, "a/"},
		{"/a/./b", PATH_FILE, "a/b"},
		{"/a/%2e/b", PATH_FILE, "a/b"},
		{"/a/..", PATH_DIRECTORY, ""},
		{"/a/../", PATH_DIRECTORY, ""},
		{"/a/../b", PATH_FILE, "b"},
		{"/a/b/../c", PATH_FILE, "a/c"},
		{"/a/b/../../c", PATH_FILE, "c"},
		{"/a/%2E%2e/b", PATH_FILE, "b"},
		{"/a/.%2e/b", PATH_FILE, "b"},
		{"/a/b/..", PATH_DIRECTORY, "a/"},
		{"/a/./.././b", PATH_FILE, "b"},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void nothing_leads_above_the_root(void **state)
{
	static const struct row rows[] = {
		{"/..", PATH_HIDDEN, NULL},
		{"/../", PATH_HIDDEN, NULL},
		{"/../etc/passwd", PATH_HIDDEN, NULL},
		{"/../../../../etc/passwd", PATH_HIDDEN, NULL},
		{"/a/../../etc/passwd", PATH_HIDDEN, NULL},
		{"/a/../../a/b", PATH_HIDDEN, NULL},
		{"/a/./../../x", PATH_HIDDEN, NULL},
		{"//a//..//..//x", PATH_HIDDEN, NULL},
		{"/%2e%2e/etc/passwd", PATH_HIDDEN, NULL},
		{"/%2E%2E/etc/passwd", PATH_HIDDEN, NULL},
		{"/.%2e/etc/passwd", PATH_HIDDEN, NULL},
		{"/%2e./etc/passwd", PATH_HIDDEN, NULL},
		{"/..%2f..%2fetc%2fpasswd", PATH_HIDDEN, NULL},
		{"/%2e%2e%2fetc%2fpasswd", PATH_HIDDEN, NULL},
		{"/%2f%2fetc/passwd", PATH_HIDDEN, NULL},
		{"/%2fetc/passwd", PATH_HIDDEN, NULL},
		{"/a%2fb", PATH_HIDDEN, NULL},
		{"/a%2F..%2F..%2Fb", PATH_HIDDEN, NULL},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void a_backslash_is_no_slash_and_no_name(void **state)
{
	static const struct row rows[] = {
		{"/..\\..\\etc\\passwd", PATH_HIDDEN, NULL},
		{"/\\evil.example", PATH_HIDDEN, NULL},
		{"/a\\b", PATH_HIDDEN, NULL},
		{"/..%5c..%5cetc", PATH_HIDDEN, NULL},
		{"/%5C%5Cserver%5Cshare", PATH_HIDDEN, NULL},
		{"\\etc", PATH_MALFORMED, NULL},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void escapes_are_decoded_once(void **state)
{
	static const struct row rows[] = {
		{"/%252e%252e/etc/passwd", PATH_FILE, "%2e%2e/etc/passwd"},
		{"/%252f", PATH_FILE, "%2f"},
		{"/%2500", PATH_FILE, "%00"},
		{"/%25", PATH_FILE, "%"},
		{"/..%252f..%252fetc", PATH_HIDDEN, NULL},
		/* After decoding this begins with two dots: a dot file, not a way out. */
		{"/..%252f", PATH_HIDDEN, NULL},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void overlong_utf8_is_bytes_and_never_a_dot_or_a_slash(void **state)
{
	static const struct row rows[] = {
		{"/%c0%ae%c0%ae/etc", PATH_FILE, "\xc0\xae\xc0\xae/etc"},
		{"/..%c0%af..%c0%afetc", PATH_HIDDEN, NULL},
		{"/a%c0%afb", PATH_FILE,
			"a\xc0\xaf"
			"b"},
		{"/%e0%80%ae%e0%80%ae/x", PATH_FILE, "\xe0\x80\xae\xe0\x80\xae/x"},
		{"/%c0%80", PATH_FILE, "\xc0\x80"},
		{"/%ef%bc%8f", PATH_FILE, "\xef\xbc\x8f"},
		{"/%ff%fe", PATH_FILE, "\xff\xfe"},
		{"/%u002e%u002e/x", PATH_MALFORMED, NULL},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void dot_files_are_not_there(void **state)
{
	static const struct row rows[] = {
		{"/.git/config", PATH_HIDDEN, NULL},
		{"/.git", PATH_HIDDEN, NULL},
		{"/.env", PATH_HIDDEN, NULL},
		{"/%2egit/config", PATH_HIDDEN, NULL},
		{"/%2Eenv", PATH_HIDDEN, NULL},
		{"/a/.htpasswd", PATH_HIDDEN, NULL},
		{"/a/b/.svn/entries", PATH_HIDDEN, NULL},
		{"/...", PATH_HIDDEN, NULL},
		{"/.../x", PATH_HIDDEN, NULL},
		{"/.. /x", PATH_HIDDEN, NULL},
		{"/..;/x", PATH_HIDDEN, NULL},
		{"/..;a=b/manager", PATH_HIDDEN, NULL},
		{"/.%20./x", PATH_HIDDEN, NULL},
		{"/.git/../index.html", PATH_HIDDEN, NULL},
		{"/a/.hidden/..", PATH_HIDDEN, NULL},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void only_the_first_segment_may_be_well_known(void **state)
{
	static const struct row rows[] = {
		{"/.well-known/acme-challenge/t", PATH_FILE, ".well-known/acme-challenge/t"},
		{"/.well-known", PATH_FILE, ".well-known"},
		{"/.well-known/", PATH_DIRECTORY, ".well-known/"},
		{"/%2ewell-known/x", PATH_FILE, ".well-known/x"},
		{"/a/../.well-known/x", PATH_FILE, ".well-known/x"},
		{"/.well-known/../x", PATH_FILE, "x"},
		{"/.well-known/../../x", PATH_HIDDEN, NULL},
		{"/.well-known/.git", PATH_HIDDEN, NULL},
		{"/a/.well-known/x", PATH_HIDDEN, NULL},
		{"/.well-known2/x", PATH_HIDDEN, NULL},
		{"/.well-know/x", PATH_HIDDEN, NULL},
		{"/.WELL-KNOWN/x", PATH_HIDDEN, NULL},
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void what_is_no_path_is_malformed(void **state)
{
	static const struct row rows[] = {
		{"*", PATH_MALFORMED, NULL},
		{"a", PATH_MALFORMED, NULL},
		{"../a", PATH_MALFORMED, NULL},
		{"%2fa", PATH_MALFORMED, NULL},
		{"http://host/a", PATH_MALFORMED, NULL},
		{"/%", PATH_MALFORMED, NULL},
		{"/%2", PATH_MALFORMED, NULL},
		{"/%zz", PATH_MALFORMED, NULL},
		{"/%2z", PATH_MALFORMED, NULL},
		{"/%-1", PATH_MALFORMED, NULL},
		{"/% 2", PATH_MALFORMED, NULL},
		{"/%%32%65", PATH_MALFORMED, NULL},
		{"/a%00", PATH_MALFORMED, NULL},
		{"/index.html%00.png", PATH_MALFORMED, NULL},
		{"/%00", PATH_MALFORMED, NULL},
		{"/a%0d%0aSet-Cookie:x", PATH_MALFORMED, NULL},
		{"/%1f", PATH_MALFORMED, NULL},
		{"/%7f", PATH_MALFORMED, NULL},
		{"/a\x01", PATH_MALFORMED, NULL},
		{"/a\tb", PATH_MALFORMED, NULL},
		{"/a\x7f", PATH_MALFORMED, NULL},
	};
	struct path path;

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
	assert_int_equal(path_resolve(&path, "/a\0b", 4), PATH_MALFORMED);
}

static void a_path_too_long_is_not_there(void **state)
{
	static char encoded[3 * PATH_MAX];
	struct path path;

	(void)state;
	memset(encoded, 'a', sizeof(encoded));
	encoded[0] = '/';
	assert_int_equal(path_resolve(&path, encoded, PATH_MAX), PATH_FILE);
	assert_int_equal(path.used, PATH_MAX - 1);
	assert_int_equal(path.bytes[path.used], '\0');
	assert_int_equal(path_resolve(&path, encoded, PATH_MAX + 1), PATH_HIDDEN);
	assert_int_equal(path_resolve(&path, encoded, sizeof(encoded)), PATH_HIDDEN);

	/* Full to the last byte, with a slash. */
	encoded[PATH_MAX - 1] = '/';
	assert_int_equal(path_resolve(&path, encoded, PATH_MAX), PATH_DIRECTORY);
	assert_int_equal(path.bytes[path.used], '\0');

	/* Long on the wire, short on the disk. */
	for (size_t i = 0; i < PATH_MAX; i += 2)
		memcpy(encoded + i, "/.", 2);
	assert_int_equal(path_resolve(&path, encoded, PATH_MAX), PATH_DIRECTORY);
	assert_string_equal(path.bytes, "");
	memset(encoded, '/', sizeof(encoded));
	assert_int_equal(path_resolve(&path, encoded, PATH_MAX), PATH_DIRECTORY);
	assert_int_equal(path_resolve(&path, encoded, PATH_MAX + 1), PATH_HIDDEN);
}

static void assert_harmless(const struct path *path)
{
	const char *segment = path->bytes;

	assert_true(path->used < sizeof(path->bytes));
	assert_int_equal(strlen(path->bytes), path->used);
	assert_int_not_equal(*segment, '/');
	while (*segment != '\0') {
		size_t size = strcspn(segment, "/");

		assert_int_not_equal(size, 0);
		if (*segment == '.')
			assert_memory_equal(segment, ".well-known", size);
		segment += size + (segment[size] == '/');
	}
}

/* Every string over the bytes that matter, up to a length: whatever is resolved is harmless. */
static void no_combination_of_tricks_gets_through(void **state)
{
	static const char *const parts[] = {"/", ".", "%2e", "%2F", "a", "\\", "%00",
		".well-known"};
	enum { PARTS = sizeof(parts) / sizeof(*parts), LENGTH = 6 };
	struct path path;

	(void)state;
	for (unsigned n = 0; n < 1u << (3 * LENGTH); n++) {
		char encoded[128] = "/";

		for (unsigned i = 0, rest = n; i < LENGTH; i++, rest /= PARTS)
			strcat(encoded, parts[rest % PARTS]);
		switch (path_resolve(&path, encoded, strlen(encoded))) {
		case PATH_FILE:
		case PATH_DIRECTORY:
			assert_harmless(&path);
			break;
		case PATH_MALFORMED:
		case PATH_HIDDEN:
			break;
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_path_names_the_file_below_the_root),
		cmocka_unit_test(a_slash_at_the_end_or_nothing_at_all_is_a_directory),
		cmocka_unit_test(empty_segments_are_left_out),
		cmocka_unit_test(dot_segments_are_resolved_below_the_root),
		cmocka_unit_test(nothing_leads_above_the_root),
		cmocka_unit_test(a_backslash_is_no_slash_and_no_name),
		cmocka_unit_test(escapes_are_decoded_once),
		cmocka_unit_test(overlong_utf8_is_bytes_and_never_a_dot_or_a_slash),
		cmocka_unit_test(dot_files_are_not_there),
		cmocka_unit_test(only_the_first_segment_may_be_well_known),
		cmocka_unit_test(what_is_no_path_is_malformed),
		cmocka_unit_test(a_path_too_long_is_not_there),
		cmocka_unit_test(no_combination_of_tricks_gets_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
