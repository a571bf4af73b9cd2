#include "tests/unit/unit.h"

#include <string.h>

#include "base/text.h"
#include "init/stack.h"

/* What is told of these lines, in memory of the same size for all. */
static const char *told(const char *lines)
{
	static char bytes[1024];
	struct text text = TEXT_OVER(bytes);

	stack_tell(lines, strlen(lines), &text);
	return bytes;
}

static void the_innermost_frames_stand_in_one_line(void **state)
{
	(void)state;
	assert_string_equal(told("Fatal Python error: Aborted\n\n"
				 "Current thread 0x00007f0d1c2f6740 (most recent call first):\n"
				 "  File \"/srv/app.py\", line 12 in slow\n"
				 "  File \"views.py\", line 7 in <lambda>\n"),
		"app.py:12 slow < views.py:7 <lambda>");
}

static void threads_that_do_nothing_are_left_out(void **state)
{
	(void)state;
	assert_string_equal(
		told("Thread 0x1 (most recent call first):\n"
		     "  File \"/usr/lib/python3.11/threading.py\", line 975 in run\n"
		     "  File \"/usr/lib/python3.11/threading.py\", line 1038 in _bootstrap_inner\n"
		     "\nThread 0x2 (most recent call first):\n"
		     "  File \"/srv/a.py\", line 1 in one\n"
		     "  File \"/usr/lib/python3.11/threading.py\", line 975 in run\n"
		     "  File \"/usr/lib/python3.11/threading.py\", line 995 in _bootstrap\n"
		     "\nThread 0x3 [pool] (most recent call first):\n"
		     "  File \"/usr/lib/python3.11/threading.py\", line 320 in wait\n"
		     "  File \"/srv/b.py\", line 2 in two\n"
		     "\nCurrent thread 0x4 (most recent call first):\n  <no Python frame>\n"),
		"a.py:1 one | threading.py:320 wait < b.py:2 two");
}

static void the_thread_that_had_the_signal_comes_first(void **state)
{
	(void)state;
	assert_string_equal(told("Thread 0x1 (most recent call first):\n"
				 "  File \"a.py\", line 1 in one\n"
				 "Current thread 0x2 (most recent call first):\n"
				 "  File \"b.py\", line 2 in two\n"
				 "Thread 0x3 (most recent call first):\n"
				 "  File \"c.py\", line 3 in three"),
		"b.py:2 two | a.py:1 one | c.py:3 three");
}

static void what_is_no_frame_is_left_out(void **state)
{
	(void)state;
	assert_string_equal(told(""), "");
	assert_string_equal(told("  File \"a.py\", line 1 in no_thread\n"), "");
	assert_string_equal(told("Thread 0x1\n  File \"\n  File \"a\n  File \"a\", line \n"
				 "  File \"a\", line 1 i\nFile \"a\", line 1 in b\n  ...\n\n"),
		"");
}

static void a_deep_stack_and_a_long_one_are_cut(void **state)
{
	char lines[16384];
	struct text text = TEXT_OVER(lines);

	(void)state;
	text_add(&text, "Thread 0x1\n");
	for (unsigned i = 0; i < 100; i++)
		text_add(&text, "  File \"a.py\", line 1 in f\n");
	assert_int_equal(strlen(told(lines)), 12 * 8 + 11 * 3 + 6);
	assert_non_null(strstr(told(lines), " < a.py:1 f < ..."));
	for (unsigned i = 0; i < 100; i++)
		text_printf(&text, "Thread 0x1\n  File \"%0100u\", line 1 in f\n", i);
	assert_int_equal(strlen(told(lines)), 1023);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_innermost_frames_stand_in_one_line),
		cmocka_unit_test(threads_that_do_nothing_are_left_out),
		cmocka_unit_test(the_thread_that_had_the_signal_comes_first),
		cmocka_unit_test(what_is_no_frame_is_left_out),
		cmocka_unit_test(a_deep_stack_and_a_long_one_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
