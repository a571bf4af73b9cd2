#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/search.h"

/* All places, each with a space behind it. */
static void assert_places(const char *name, const char *path, const char *places)
{
	struct search search = search_begin(name, path);
	char bytes[64], all_bytes[256];
	struct text place = TEXT_OVER(bytes), all = TEXT_OVER(all_bytes);

	while (search_next(&search, &place)) {
		text_add(&all, bytes);
		text_add_char(&all, ' ');
		place = TEXT_OVER(bytes);
	}
	assert_string_equal(all_bytes, places);
}

static void a_bare_name_is_looked_for_in_each_directory_in_order(void **state)
{
	(void)state;
	assert_places("ls", "/usr/bin:/bin", "/usr/bin/ls /bin/ls ");
	assert_places("ls", "/bin", "/bin/ls ");
	assert_places("ls", "bin/", "bin//ls ");
}

static void an_empty_item_is_the_current_directory(void **state)
{
	(void)state;
	assert_places("ls", "", "ls ");
	assert_places("ls", ":/bin", "ls /bin/ls ");
	assert_places("ls", "/bin:", "/bin/ls ls ");
	assert_places("ls", "/a::/b", "/a/ls ls /b/ls ");
}

static void without_a_path_it_is_the_systems_own(void **state)
{
	(void)state;
	assert_places("ls", NULL, "/bin/ls /usr/bin/ls ");
}

static void a_name_with_a_slash_is_its_own_place(void **state)
{
	(void)state;
	assert_places("./ls", "/bin:/usr/bin", "./ls ");
	assert_places("/bin/ls", "", "/bin/ls ");
	assert_places("a/", NULL, "a/ ");
}

static void an_empty_name_is_nowhere(void **state)
{
	(void)state;
	assert_places("", "/bin:/usr/bin", "");
}

static void a_place_that_does_not_fit_is_cut_and_the_next_one_is_whole(void **state)
{
	struct search search = search_begin("ls", "/a/long/directory:/b");
	char bytes[8];
	struct text place = TEXT_OVER(bytes);

	(void)state;
	assert_true(search_next(&search, &place));
	assert_true(place.cut);
	place = TEXT_OVER(bytes);
	assert_true(search_next(&search, &place));
	assert_false(place.cut);
	assert_string_equal(bytes, "/b/ls");
	assert_false(search_next(&search, &place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_name_is_looked_for_in_each_directory_in_order),
		cmocka_unit_test(an_empty_item_is_the_current_directory),
		cmocka_unit_test(without_a_path_it_is_the_systems_own),
		cmocka_unit_test(a_name_with_a_slash_is_its_own_place),
		cmocka_unit_test(an_empty_name_is_nowhere),
		cmocka_unit_test(a_place_that_does_not_fit_is_cut_and_the_next_one_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
