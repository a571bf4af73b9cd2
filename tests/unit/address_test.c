#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "init/address.h"

static int parse(const char *item, struct address *address, struct text *why)
{
	return address_parse(item, strlen(item), address, why);
}

static void what_is_good_is_written_in_one_way(void **state)
{
	static const struct row {
		const char *item, *text;
		enum address_kind kind;
		unsigned port;
	} rows[] = {
		{"127.0.0.1:8000", "127.0.0.1:8000", ADDRESS_INET, 8000},
		{":80", "0.0.0.0:80", ADDRESS_INET, 80},
		{"localhost:0", "127.0.0.1:0", ADDRESS_INET, 0},
		{"0.0.0.0:65535", "0.0.0.0:65535", ADDRESS_INET, 65535},
		{"127.0.0.1:0080", "127.0.0.1:80", ADDRESS_INET, 80},
		{"[::]:80", "[::]:80", ADDRESS_INET6, 80},
		{"[0:0::1]:8000", "[::1]:8000", ADDRESS_INET6, 8000},
		{"[fe80::1%eth0]:8000", "[fe80::1%eth0]:8000", ADDRESS_INET6, 8000},
		{"[fe80::1%2]:8000", "[fe80::1%2]:8000", ADDRESS_INET6, 8000},
		{"[::ffff:192.0.2.1]:8000", "192.0.2.1:8000", ADDRESS_INET, 8000},
		{"unix:/run/x.sock", "unix:/run/x.sock", ADDRESS_UNIX, 0},
		{"unix:///run/x.sock", "unix:/run/x.sock", ADDRESS_UNIX, 0},
		{"unix:x:1", "unix:x:1", ADDRESS_UNIX, 0},
		{"unix:@name", "unix:@name", ADDRESS_UNIX, 0},
		{"fd://3", "fd://3", ADDRESS_FD, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[256];
		struct text why = TEXT_OVER(bytes);
		struct address address;

		assert_int_equal(parse(rows[i].item, &address, &why), 0);
		assert_string_equal(address.text, rows[i].text);
		assert_int_equal(address.kind, rows[i].kind);
		assert_int_equal(address_port(&address), rows[i].port);
		assert_string_equal(bytes, "");
	}
}

static void what_is_wrong_is_named_with_what_to_write_instead(void **state)
{
	static const struct row {
		const char *item, *hint;
	} rows[] = {
		{"", "empty"},
		{"8000", "write 127.0.0.1:8000, or :8000 for every IPv4 address"},
		{"127.0.0.1", "the port is missing"},
		{"unix", "the port is missing"},
		{"127.0.0.1:", "the port is no number from 0 to 65535"},
		{"127.0.0.1:65536", "the port is no number from 0 to 65535"},
		{"127.0.0.1:-1", "the port is no number"},
		{"127.0.0.1: 80", "the port is no number"},
		{"127.0.0.256:80", "is no IPv4 address"},
		{"127.1:80", "is no IPv4 address"},
		{"example.com:80", "a host name is not looked up here: give an address"},
		{"::1:8000", "stands in brackets, as in [::1]:8000"},
		{"[::1]", "the port is missing"},
		{"[::1]8000", "the port is missing"},
		{"[::1:8000", "the closing bracket is missing"},
		{"[", "the closing bracket is missing"},
		{"[]:80", "no IPv6 address"},
		{"[1.2.3.4]:80", "no IPv6 address"},
		{"[fe80::1]:80", "needs its interface"},
		{"[fe80::1%]:80", "name of a network interface"},
		{"[fe80::1%sixteen-letters-]:80", "name of a network interface"},
		{"unix:", "no path"},
		{"unix:@", "no path"},
		{"fd://", "3 or more"},
		{"fd://2", "3 or more"},
		{"fd://x", "3 or more"},
		{"fd://4294967296", "3 or more"},
		{"http://127.0.0.1:80", "write only what stands behind http://"},
		{"https://127.0.0.1:80", "write only what stands behind https://"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[256];
		struct text why = TEXT_OVER(bytes);
		struct address address;

		assert_int_equal(parse(rows[i].item, &address, &why), -EINVAL);
		assert_ptr_equal(strstr(bytes, rows[i].item), bytes);
		if (strstr(bytes, rows[i].hint) == NULL)
			fail_msg("%s: expected \"%s\"", bytes, rows[i].hint);
	}
}

static void a_host_of_any_length_is_refused_and_not_copied(void **state)
{
	char item[4096], bytes[64];
	struct address address;

	(void)state;
	memset(item, 'a', sizeof(item));
	for (size_t size = 1; size < sizeof(item); size += 61) {
		struct text why = TEXT_OVER(bytes);

		memcpy(item + size - 1, ":", 1);
		assert_int_equal(address_parse(item, size, &address, &why), -EINVAL);
		item[0] = '[';
		assert_int_equal(address_parse(item, size, &address, &why), -EINVAL);
		memset(item, 'a', sizeof(item));
	}
}

static void a_socket_path_may_have_107_bytes_and_no_more(void **state)
{
	char item[256] = "unix:", bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address address;

	(void)state;
	memset(item + 5, 'p', 108);
	assert_int_equal(address_parse(item, 5 + 107, &address, &why), 0);
	assert_int_equal(strlen(address_path(&address)), 107);
	assert_int_equal(address.size, sizeof(struct sockaddr_un));
	assert_int_equal(strlen(address.text), 112);
	assert_int_equal(address_parse(item, 5 + 108, &address, &why), -EINVAL);
	assert_non_null(strstr(bytes, "allowed are 107 bytes"));
}

static void an_abstract_name_is_no_path(void **state)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address address, again;

	(void)state;
	assert_int_equal(parse("unix:@name", &address, &why), 0);
	assert_null(address_path(&address));
	assert_int_equal(address.size, offsetof(struct sockaddr_un, sun_path) + 5);
	assert_int_equal(address_from_socket(&again, &address.socket, address.size), 0);
	assert_string_equal(again.text, "unix:@name");
}

static void only_the_six_wildcard_is_any6(void **state)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address address;

	(void)state;
	assert_int_equal(parse("[::]:80", &address, &why), 0);
	assert_true(address_is_any6(&address));
	assert_int_equal(parse("[::1]:80", &address, &why), 0);
	assert_false(address_is_any6(&address));
	assert_int_equal(parse(":80", &address, &why), 0);
	assert_false(address_is_any6(&address));
}

static void a_list_is_split_at_its_commas(void **state)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address_list list;

	(void)state;
	assert_int_equal(address_parse_list("127.0.0.1:80 , [::1]:80,\tunix:x", &list, &why), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.item[0].text, "127.0.0.1:80");
	assert_string_equal(list.item[1].text, "[::1]:80");
	assert_string_equal(list.item[2].text, "unix:x");
}

static void a_list_with_nothing_between_its_commas_is_refused(void **state)
{
	static const char *const lists[] = {"", " ", ",", ":80,", ",:80", ":80,,:81"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		char bytes[256];
		struct text why = TEXT_OVER(bytes);
		struct address_list list;

		assert_int_equal(address_parse_list(lists[i], &list, &why), -EINVAL);
		assert_string_equal(bytes, "an address is empty");
	}
}

static void the_same_address_twice_is_refused_however_it_is_written(void **state)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address_list list;

	(void)state;
	assert_int_equal(address_parse_list("localhost:80,[::1]:80,127.0.0.1:080", &list, &why),
		-EINVAL);
	assert_string_equal(bytes, "127.0.0.1:80: is named twice");
}

static void one_address_too_many_is_refused(void **state)
{
	char items[1024], bytes[256];
	struct text text = TEXT_OVER(items), why = TEXT_OVER(bytes);
	struct address_list list;

	(void)state;
	for (unsigned i = 0; i < HERITAGE_LISTENERS; i++)
		text_printf(&text, "%s:%u", i == 0 ? "" : ",", 8000 + i);
	assert_int_equal(address_parse_list(items, &list, &why), 0);
	assert_int_equal(list.count, HERITAGE_LISTENERS);
	text_add(&text, ",:9000");
	assert_int_equal(address_parse_list(items, &list, &why), -E2BIG);
	assert_non_null(strstr(bytes, "0.0.0.0:9000: one address too many"));
}

static void a_family_that_is_none_of_ours_is_refused(void **state)
{
	struct sockaddr_storage socket = {.ss_family = AF_NETLINK};
	struct address address;

	(void)state;
	assert_int_equal(address_from_socket(&address, &socket, sizeof(socket)), -EAFNOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_good_is_written_in_one_way),
		cmocka_unit_test(what_is_wrong_is_named_with_what_to_write_instead),
		cmocka_unit_test(a_host_of_any_length_is_refused_and_not_copied),
		cmocka_unit_test(a_socket_path_may_have_107_bytes_and_no_more),
		cmocka_unit_test(an_abstract_name_is_no_path),
		cmocka_unit_test(only_the_six_wildcard_is_any6),
		cmocka_unit_test(a_list_is_split_at_its_commas),
		cmocka_unit_test(a_list_with_nothing_between_its_commas_is_refused),
		cmocka_unit_test(the_same_address_twice_is_refused_however_it_is_written),
		cmocka_unit_test(one_address_too_many_is_refused),
		cmocka_unit_test(a_family_that_is_none_of_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
