#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/inherit.h"

#define OURS 42

static int read_as(const char *pid, const char *fds, const char *names, struct inherit *inherit,
	struct text *why)
{
	const struct inherit_question question = {pid, fds, names};

	return inherit_read(&question, OURS, inherit, why);
}

static void what_is_for_us_is_counted(void **state)
{
	struct inherit inherit;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(read_as("42", "2", "web:admin", &inherit, &why), 0);
	assert_int_equal(inherit.count, 2);
	assert_string_equal(inherit.names, "web:admin");
	assert_int_equal(read_as("42", "32", NULL, &inherit, &why), 0);
	assert_int_equal(inherit.count, 32);
	assert_null(inherit.names);
}

static void what_is_for_another_process_or_for_nobody_is_none_of_ours(void **state)
{
	static const char *const rows[][2] = {{"43", "2"}, {"43", "nonsense"}, {NULL, "2"},
		{"42", NULL}, {"42", "0"}, {NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct inherit inherit;
		char bytes[256];
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(read_as(rows[i][0], rows[i][1], "a:b", &inherit, &why), 0);
		assert_int_equal(inherit.count, 0);
	}
}

static void a_bad_value_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *pid, *fds, *names, *why;
	} rows[] = {
		{"", "1", NULL, "LISTEN_PID: \"\" is not a number: allowed are 0 to 2147483647"},
		{"self", "1", NULL, "LISTEN_PID: \"self\" is not"},
		{"42 ", "1", NULL, "LISTEN_PID: \"42 \" is not"},
		{"42", "", NULL, "LISTEN_FDS: \"\" is not"},
		{"42", "-1", NULL, "LISTEN_FDS: \"-1\" is not a number: allowed are 0 to 32"},
		{"42", "33", NULL, "LISTEN_FDS: \"33\" is not a number: allowed are 0 to 32"},
		{"42", "1x\n", NULL, "LISTEN_FDS: \"1x\\x0a\" is not"},
		{"42", "2", "a", "LISTEN_FDNAMES: holds 1 names for LISTEN_FDS=2"},
		{"42", "1", "a:b", "LISTEN_FDNAMES: holds 2 names for LISTEN_FDS=1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct inherit inherit;
		char bytes[256];
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(read_as(rows[i].pid, rows[i].fds, rows[i].names, &inherit, &why),
			-EINVAL);
		assert_memory_equal(bytes, rows[i].why, strlen(rows[i].why));
		assert_int_equal(inherit.count, 0);
	}
}

static void names_become_numbers(void **state)
{
	static const struct {
		size_t count;
		const char *names, *bind;
		bool given;
		const char *list;
	} rows[] = {
		{2, "web:admin", ":80", false, "fd://3,fd://4"},
		{2, NULL, ":80", false, "fd://3,fd://4"},
		{0, NULL, ":80", false, ":80"},
		{2, "web:admin", ":80", true, ":80"},
		{2, "web:admin", "fd://admin", true, "fd://4"},
		{2, "web:admin", "fd://3, unix:/s ,fd://admin", true, "fd://3,unix:/s,fd://4"},
		{3, "web:admin:web", "fd://web", true, "fd://3,fd://5"},
		{3, "a::web.socket", "fd://web.socket,:1", true, "fd://5,:1"},
		{2, "web:admin", "fd://4,fd://7", true, "fd://4,fd://7"},
		{2, "web:admin", "fd://99999999999999999999", true, "fd://99999999999999999999"},
		{2, "web:admin", "fd://", true, "fd://"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct inherit inherit = {rows[i].count, rows[i].names};
		char bytes[256], why_bytes[256];
		struct text list = TEXT_OVER(bytes), why = TEXT_OVER(why_bytes);

		assert_int_equal(inherit_rewrite(&inherit, rows[i].bind, rows[i].given, &list,
					 &why),
			0);
		assert_string_equal(bytes, rows[i].list);
	}
}

static void an_unknown_name_is_refused_with_those_that_there_are(void **state)
{
	static const struct inherit named = {2, "web:admin"}, unnamed = {2, NULL}, none = {0, NULL};
	static const struct {
		const struct inherit *inherit;
		const char *why;
	} rows[] = {
		{&named, "fd://we: no descriptor has that name: LISTEN_FDNAMES is web:admin"},
		{&unnamed, "fd://we: no descriptor has that name: LISTEN_FDNAMES names none for "
			   "this process"},
		{&none, "fd://we: no descriptor has that name: LISTEN_FDNAMES names none for this "
			"process"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[256], why_bytes[256];
		struct text list = TEXT_OVER(bytes), why = TEXT_OVER(why_bytes);

		assert_int_equal(inherit_rewrite(rows[i].inherit, ":1,fd://we", true, &list, &why),
			-EINVAL);
		assert_string_equal(why_bytes, rows[i].why);
	}
}

static void a_name_is_left_out_while_nobody_can_know_it(void **state)
{
	char bytes[256], why_bytes[256];
	struct text list = TEXT_OVER(bytes), why = TEXT_OVER(why_bytes);

	(void)state;
	assert_int_equal(inherit_rewrite(NULL, ":1,fd://web,fd://3", true, &list, &why), 0);
	assert_string_equal(bytes, ":1,fd://3");
}

static void both_kinds_may_leave_their_port_to_the_kernel(void **state)
{
	struct settings settings = {.bind = "127.0.0.1:0,:80", .bind_tls = "127.0.0.1:0"};
	struct address_list addresses;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(inherit_addresses(NULL, &settings, true, &addresses, &why), 0);
	assert_int_equal(addresses.count, 3);
	assert_false(addresses.item[0].tls);
	assert_true(addresses.item[2].tls);
	settings.bind_tls = ":80";
	assert_int_equal(inherit_addresses(NULL, &settings, true, &addresses, &why), -EINVAL);
	assert_non_null(strstr(bytes, "is an address of bind, too"));
}

static void a_list_without_room_is_refused(void **state)
{
	static const struct inherit inherit = {3, NULL};
	char bytes[16], why_bytes[256];
	struct text list = TEXT_OVER(bytes), why = TEXT_OVER(why_bytes);

	(void)state;
	assert_int_equal(inherit_rewrite(&inherit, ":1", false, &list, &why), -E2BIG);
}

static void those_taken_go_no_further_and_what_is_no_socket_is_named(void **state)
{
	const struct inherit one = {1, NULL}, two = {2, NULL}, three = {3, NULL};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	FD_SCOPED fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FD_SCOPED file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct inherited taken;

	(void)state;
	if (fd != INHERIT_FIRST || file != INHERIT_FIRST + 1)
		skip(); /* whoever runs the tests left some open */
	assert_int_equal(fd_inherit(fd), 0);
	assert_int_equal(inherit_take(&one, NULL, &taken, &why), 0);
	assert_true(inherit_has(&taken, fd));
	assert_false(inherit_has(&taken, file));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(inherit_take(&two, NULL, &taken, &why), -ENOTSOCK);
	assert_string_equal(bytes, "LISTEN_FDS=2: descriptor 4 is no open socket");
	fd_close(&file);
	why = TEXT_OVER(bytes);
	assert_int_equal(inherit_take(&three, NULL, &taken, &why), -ENOTSOCK);
	assert_string_equal(bytes, "LISTEN_FDS=3: descriptor 4 is no open socket");
}

static void what_bind_names_is_taken_if_it_is_there(void **state)
{
	const struct inherit none = {0};
	FD_SCOPED fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FD_SCOPED gone = fd_duplicate(fd);
	struct address_list named;
	struct inherited taken;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	int number = gone;

	(void)state;
	assert_int_equal(fd_inherit(fd), 0);
	fd_close(&gone);
	(void)snprintf(bytes, sizeof(bytes), "127.0.0.1:0,fd://%d,fd://%d", fd, number);
	assert_int_equal(address_parse_list(bytes, &named, &why), 0);
	assert_int_equal(inherit_take(&none, &named, &taken, &why), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(inherit_has(&taken, fd));
	assert_false(inherit_has(&taken, number));
}

static void a_child_is_told_nothing_of_ours(void **state)
{
	static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
		"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_int_equal(setenv(names[i], "1", 1), 0);
	assert_non_null(inherit_question().fds);
	inherit_clear_environment();
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_null(getenv(names[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_for_us_is_counted),
		cmocka_unit_test(what_is_for_another_process_or_for_nobody_is_none_of_ours),
		cmocka_unit_test(a_bad_value_is_refused_with_a_sentence),
		cmocka_unit_test(names_become_numbers),
		cmocka_unit_test(an_unknown_name_is_refused_with_those_that_there_are),
		cmocka_unit_test(a_name_is_left_out_while_nobody_can_know_it),
		cmocka_unit_test(a_list_without_room_is_refused),
		cmocka_unit_test(both_kinds_may_leave_their_port_to_the_kernel),
		cmocka_unit_test(those_taken_go_no_further_and_what_is_no_socket_is_named),
		cmocka_unit_test(what_bind_names_is_taken_if_it_is_there),
		cmocka_unit_test(a_child_is_told_nothing_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
