#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "base/line.h"

static void every_byte_but_nul_survives(void **state)
{
	char value[256], bytes[1024];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	for (size_t i = 0; i < 255; i++)
		value[i] = (char)(i + 1);
	value[255] = '\0';
	line_add_value(&text, value);
	assert_false(text.cut);
	assert_ptr_equal(strchr(bytes, '\n'), bytes + text.used - 1);
	bytes[text.used - 1] = '\0';
	assert_int_equal(line_unescape(bytes), 0);
	assert_string_equal(bytes, value);
}

static void an_escape_that_is_none_is_refused(void **state)
{
	char unknown[] = "a\\tb", cut[] = "a\\";

	(void)state;
	assert_int_equal(line_unescape(unknown), -EINVAL);
	assert_int_equal(line_unescape(cut), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_but_nul_survives),
		cmocka_unit_test(an_escape_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
