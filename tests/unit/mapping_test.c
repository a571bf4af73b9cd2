#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "init/mapping.h"

static void assert_exits_refused(const char *list, const char *reason)
{
	struct exit_mapping map;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	assert_int_equal(mapping_read_exits(list, &map, &why), -EINVAL);
	assert_string_equal(bytes, reason);
}

static void assert_signals_refused(const char *list)
{
	struct signal_mapping map;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	assert_int_equal(mapping_read_signals(list, &map, &why), -EINVAL);
	assert_int_not_equal(why.used, 0);
	assert_false(why.cut);
}

static void without_a_list_everything_stays(void **state)
{
	struct exit_mapping exits;
	struct signal_mapping signals;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(mapping_read_exits(NULL, &exits, &why), 0);
	for (unsigned i = 0; i < MAPPING_STATUSES; i++)
		assert_int_equal(exits.to[i], i);
	assert_int_equal(mapping_read_signals(NULL, &signals, &why), 0);
	for (unsigned i = 0; i < SIGNAL_NUMBERS; i++)
		assert_int_equal(signals.to[i], i);
}

static void a_status_becomes_what_the_list_says_and_is_not_looked_up_again(void **state)
{
	struct exit_mapping map;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(mapping_read_exits("143:0,0:255, 255:1", &map, &why), 0);
	assert_int_equal(map.to[143], 0);
	assert_int_equal(map.to[0], 255);
	assert_int_equal(map.to[255], 1);
	assert_int_equal(map.to[1], 1);
}

static void a_list_of_statuses_is_refused_with_the_item_and_what_is_allowed(void **state)
{
	static const char *const wrong[] = {"143", "256:0", "0:256", ":0", "143:", "a:0", "-1:0",
		"143:0:1", "TERM:0"};

	(void)state;
	assert_exits_refused("1:2,x:0", "map_exit: \"x:0\" is not FROM:TO: allowed are exit "
					"statuses from 0 to 255, as in 143:0");
	assert_exits_refused("143:0,143:1",
		"map_exit: \"143:1\" says again what becomes of the same one");
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct exit_mapping map;
		char bytes[256];
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(mapping_read_exits(wrong[i], &map, &why), -EINVAL);
	}
}

static void a_signal_becomes_another_or_none(void **state)
{
	struct signal_mapping map;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(mapping_read_signals("15:3,SIGHUP:0,USR1:KILL,TSTP:STOP,RTMIN+1:USR2",
				 &map, &why),
		0);
	assert_int_equal(map.to[SIGTERM], SIGQUIT);
	assert_int_equal(map.to[SIGHUP], 0);
	assert_int_equal(map.to[SIGUSR1], SIGKILL);
	assert_int_equal(map.to[SIGTSTP], SIGSTOP);
	assert_int_equal(map.to[SIGRTMIN + 1], SIGUSR2);
	assert_int_equal(map.to[SIGUSR2], SIGUSR2);
}

static void a_list_of_signals_that_cannot_be_is_refused(void **state)
{
	static const char *const wrong[] = {"TERM", "TERM:", ":TERM", "0:TERM", "TERM:00",
		"TERM:FOO", "KILL:TERM", "STOP:TERM", "CHLD:TERM", "17:0", "TERM:65",
		"TERM:3,15:4"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_signals_refused(wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_list_everything_stays),
		cmocka_unit_test(a_status_becomes_what_the_list_says_and_is_not_looked_up_again),
		cmocka_unit_test(a_list_of_statuses_is_refused_with_the_item_and_what_is_allowed),
		cmocka_unit_test(a_signal_becomes_another_or_none),
		cmocka_unit_test(a_list_of_signals_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
