#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/words.h"

/* How words are split, config_test.c says. */
static void assert_comes_back(char *const *words)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);
	char **again;
	size_t i = 0;

	words_join(words, &text);
	assert_int_equal(words_split(bytes, &again), 0);
	for (; words[i] != NULL; i++)
		assert_string_equal(again[i], words[i]);
	assert_null(again[i]);
	free(again);
}

static void words_that_were_joined_are_split_into_the_same(void **state)
{
	char plain[] = "node", empty[] = "", space[] = "a b", quote[] = "it's",
	     both[] = "'\"\\ \n\t";
	char *words[] = {plain, empty, space, quote, both, empty, NULL};

	(void)state;
	assert_comes_back(words);
	assert_comes_back(words + 1);
	assert_comes_back(words + 6);
}

static void plain_words_stay_readable(void **state)
{
	char node[] = "node", server[] = "server.js", name[] = "a b";
	char *words[] = {node, server, name, NULL};
	char bytes[64];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	text_add(&text, "--");
	words_join(words, &text);
	assert_string_equal(bytes, "-- node server.js 'a b'");
}

static void a_program_is_what_stands_behind_two_dashes(void **state)
{
	char **words;

	(void)state;
	assert_true(words_are_program("-- node server.js"));
	assert_false(words_are_program("--"));
	assert_false(words_are_program("--x"));
	assert_false(words_are_program("./public"));
	assert_false(words_are_program(NULL));
	assert_int_equal(words_of_program("-- node 'a b'", &words), 0);
	assert_string_equal(words[0], "node");
	assert_string_equal(words[1], "a b");
	assert_null(words[2]);
	free(words);
	assert_int_equal(words_of_program("--   ", &words), -EINVAL);
	assert_int_equal(words_of_program("-- 'a", &words), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_were_joined_are_split_into_the_same),
		cmocka_unit_test(plain_words_stay_readable),
		cmocka_unit_test(a_program_is_what_stands_behind_two_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
