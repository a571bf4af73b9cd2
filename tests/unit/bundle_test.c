#include "base/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* Bytes with newlines and NULs, under a name with all that would end a line or a word. */
static void what_is_written_reads_back_the_same(void **state)
{
	static const char content[] = "a\n\0key 3 x\n";
	static const char name[] = "/etc/a b\n\\c";
	char bytes[256];
	struct text text = TEXT_OVER(bytes);
	struct bundle_item item;
	char *at = bytes;
	size_t left;

	(void)state;
	bundle_add_line(&text, BUNDLE_MADE, "", 2);
	text_add(&text, "17\n");
	bundle_add_line(&text, BUNDLE_KEY, name, sizeof(content));
	text_add_bytes(&text, content, sizeof(content));
	text_add_char(&text, '\n');
	bundle_add_line(&text, BUNDLE_STAPLE, "empty", 0);
	text_add_char(&text, '\n');
	left = text.used;

	assert_int_equal(bundle_next(&at, &left, &item), 1);
	assert_int_equal(item.kind, BUNDLE_MADE);
	assert_int_equal(item.size, 2);
	assert_memory_equal(item.bytes, "17", 2);
	assert_string_equal(item.name, "");
	assert_int_equal(bundle_next(&at, &left, &item), 1);
	assert_int_equal(item.kind, BUNDLE_KEY);
	assert_string_equal(item.name, name);
	assert_int_equal(item.size, sizeof(content));
	assert_memory_equal(item.bytes, content, sizeof(content));
	assert_int_equal(bundle_next(&at, &left, &item), 1);
	assert_int_equal(item.kind, BUNDLE_STAPLE);
	assert_int_equal(item.size, 0);
	assert_int_equal(bundle_next(&at, &left, &item), 0);
}

static void what_is_no_bundle_is_refused(void **state)
{
	static const char *const rows[] = {
		"key",			  /* no line's end */
		"key\n",		  /* no size */
		"key 1\n",		  /* no name */
		"lock 1 x\na\n",	  /* no such kind */
		"key 1x x\na\n",	  /* no number */
		"key 99999999999 x\na\n", /* more than there may be */
		"key 3 x\na\n",		  /* more than there is */
		"key 1 x\nab\n",	  /* less */
		"key 1 x\na",		  /* no end behind the bytes */
		"key 1 \\x\na\n",	  /* an escape that is none */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t left = strlen(rows[i]);
		char *bytes = strdup(rows[i]), *at = bytes;
		struct bundle_item item;

		assert_int_equal(bundle_next(&at, &left, &item), -EINVAL);
		free(bytes);
	}
}

static bool same(const char *one, const char *other)
{
	return bundle_same(one, strlen(one), other, strlen(other));
}

static void bundles_are_the_same_whenever_they_were_made(void **state)
{
	(void)state;
	assert_true(same("made 1 \n5\nkey 1 a\nx\n", "made 2 \n10\nkey 1 a\nx\n"));
	assert_false(same("made 1 \n5\nkey 1 a\nx\n", "made 1 \n5\nkey 1 a\ny\n"));
	assert_false(same("made 1 \n5\nkey 1 a\nx\n", "made 1 \n5\nkey 1 a\nx\nkey 1 b\nx\n"));
	assert_false(same("made 1 \n5\n", "made 1 \n5\nkey 1 a\nx\n"));
	assert_true(same("", ""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_back_the_same),
		cmocka_unit_test(what_is_no_bundle_is_refused),
		cmocka_unit_test(bundles_are_the_same_whenever_they_were_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
