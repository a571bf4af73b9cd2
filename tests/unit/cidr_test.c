/* Whom to trust: blocks of addresses. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/cidr.h"

static struct cidr_address address(const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return cidr_from_v4(v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6), 1);
	return cidr_from_v6(&v6);
}

static bool has(const char *list_text, const char *address_text)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct cidr_list list;
	bool result;

	assert_int_equal(cidr_list_read(list_text, &list, &why), 0);
	assert_int_equal(cidr_list_check(list_text != NULL ? list_text : "*", &why), 0);
	result = cidr_list_has(&list, address(address_text));
	cidr_list_free(&list);
	return result;
}

static void a_block_has_its_addresses_and_no_others(void **state)
{
	static const struct {
		const char *list, *inside, *outside;
	} cases[] = {
		{"10.0.0.0/8", "10.200.0.1", "11.0.0.0"},
		{"192.0.2.7", "192.0.2.7", "192.0.2.6"},
		{"192.0.2.6/31", "192.0.2.7", "192.0.2.8"},
		{"192.0.2.7/32", "192.0.2.7", "192.0.2.8"},
		{"0.0.0.0/0", "255.1.2.3", "2001:db8::1"},
		{"0.0.0.0/1", "127.255.255.255", "128.0.0.0"},
		{"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
		{"2001:db8::/64", "2001:db8::ffff:1:2:3", "2001:db8:0:1::"},
		{"2001:db8::8000:0:0:0/65", "2001:db8::ffff:0:0:1", "2001:db8::7fff:0:0:1"},
		{"::1", "::1", "::2"},
		{"127.0.0.1,::1", "::1", "127.0.0.2"},
		{"10.0.0.0/8, 192.168.0.0/16 , fd00::/8", "fdff::1", "192.169.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_true(has(cases[i].list, cases[i].inside));
		assert_false(has(cases[i].list, cases[i].outside));
	}
}

static void an_ipv4_client_of_an_ipv6_listener_is_meant_by_its_ipv4_block(void **state)
{
	(void)state;
	assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
	assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
	assert_false(has("10.0.0.0/8", "::10.1.2.3"));
}

static void a_star_has_all_and_no_list_has_none(void **state)
{
	(void)state;
	assert_true(has("*", "192.0.2.1"));
	assert_true(has("10.0.0.1,*", "2001:db8::1"));
	assert_true(has("::/0", "192.0.2.1"));
	assert_false(has(NULL, "127.0.0.1"));
}

static void what_is_no_block_is_refused_by_name(void **state)
{
	static const char *const items[] = {"", "a", "localhost", "10.0.0.0/33", "10.0.0.0/", "/8",
		"10.0.0/8", "10.0.0.1/8", "::1/127", "::/129", "10.0.0.0/+8", "10.0.0.0/8/8",
		"1.2.3.4:80", "[::1]", "**", "010.0.0.1", "10.0.0.0/ 8",
		"2001:db8:1111:2222:3333:4444:5555:6666:7777/128", "fe80::1%eth0"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(items); i++) {
		char bytes[256], list_text[128] = "127.0.0.1,";
		struct text why = TEXT_OVER(bytes);
		struct cidr_list list;
		struct cidr cidr;

		assert_false(cidr_read(items[i], strlen(items[i]), &cidr));
		strcat(list_text, items[i]);
		assert_int_equal(cidr_list_check(list_text, &why), -EINVAL);
		assert_non_null(strstr(bytes, items[i]));
		assert_non_null(strstr(bytes, ": allowed are "));
		assert_int_equal(cidr_list_read(list_text, &list, &why), -EINVAL);
		assert_null(list.items);
	}
	assert_false(cidr_read("10.0.0.1\0", 9, &(struct cidr){0}));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_has_its_addresses_and_no_others),
		cmocka_unit_test(an_ipv4_client_of_an_ipv6_listener_is_meant_by_its_ipv4_block),
		cmocka_unit_test(a_star_has_all_and_no_list_has_none),
		cmocka_unit_test(what_is_no_block_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
