#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "init/raw_env.h"
#include "init/sources.h"

static void what_editors_and_compilers_leave_is_no_source(void **state)
{
	static const char *const sources[] = {"app.py", "server.js", "hello.so", "4913", "a.b.c"};
	static const char *const others[] = {"", ".app.py.swp", "app.py~", "app.pyc", "#app.py#",
		".git", "__pycache__", "node_modules", "a.tmp", "access.log"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sources); i++)
		assert_true(sources_counts(sources[i]));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(sources_counts(others[i]));
	assert_true(sources_enters("views"));
	assert_false(sources_enters(".git"));
	assert_false(sources_enters("node_modules"));
}

static void a_variable_has_a_name(void **state)
{
	static const char *const wrong[] = {"A", "=b", "A=b,C"};
	char bytes[128];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(raw_env_check(wrong[i], &why), -EINVAL);
		assert_non_null(strstr(bytes, "is no variable: allowed is NAME=VALUE"));
	}
}

static void variables_are_set_as_they_are_written(void **state)
{
	char bytes[128];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(raw_env_check("RAW_A=b=c,RAW_EMPTY=", &why), 0);
	assert_int_equal(raw_env_set("RAW_A=b=c,RAW_EMPTY="), 0);
	assert_string_equal(getenv("RAW_A"), "b=c");
	assert_string_equal(getenv("RAW_EMPTY"), "");
	assert_int_equal(raw_env_set(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_editors_and_compilers_leave_is_no_source),
		cmocka_unit_test(a_variable_has_a_name),
		cmocka_unit_test(variables_are_set_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
