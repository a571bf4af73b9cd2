#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "init/lesson.h"

static char *printed(const struct violations *violations)
{
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	assert_non_null(out);
	assert_int_equal(lesson_print(violations, out), 0);
	(void)fclose(out);
	return bytes;
}

static void of_nothing_there_is_nothing_to_allow(void **state)
{
	static const struct violations none;
	char *text = printed(&none);

	(void)state;
	assert_string_equal(text,
		"# nothing that was called is refused: there is nothing to allow\n");
	free(text);
}

static void what_was_called_is_one_line_with_a_warning_for_each_danger(void **state)
{
	struct violations v = {0};
	char *text;

	(void)state;
	(void)!violations_add(&v, 1, SYS_getppid);
	(void)!violations_add(&v, 2, SYS_ptrace);
	(void)!violations_add(&v, 2, 1000);
	text = printed(&v);
	assert_non_null(strstr(text, "# mind: ptrace reads and steers other processes\n"));
	assert_non_null(strstr(text, "# number 1000, which has no name here\n"));
	assert_true(strstr(text, "\nsandbox_allow = ptrace,getppid\n") != NULL ||
		    strstr(text, "\nsandbox_allow = getppid,ptrace\n") != NULL);
	free(text);
}

static void what_no_name_gives_takes_another_sandbox(void **state)
{
	struct violations v = {0};
	char *text;

	(void)state;
	(void)!violations_add(&v, 1, SYS_getppid);
	(void)!violations_add(&v, 1, SYS_mprotect);
	(void)!violations_add(&v, 1, SYS_ptrace);
	violations_forbid(&v, SYS_mprotect);
	text = printed(&v);
	assert_string_equal(text, "# no name gives a strict worker what it asked of mprotect\n"
				  "# then fewer calls are refused: learn once more, with this\n"
				  "sandbox = app\n"
				  "# mind: ptrace reads and steers other processes\n"
				  "sandbox_allow = ptrace\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nothing_there_is_nothing_to_allow),
		cmocka_unit_test(what_was_called_is_one_line_with_a_warning_for_each_danger),
		cmocka_unit_test(what_no_name_gives_takes_another_sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
