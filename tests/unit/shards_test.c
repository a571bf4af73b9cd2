#include "init/shards.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct address_list list_of(const char *text)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address_list list;

	assert_int_equal(address_parse_list(text, &list, &why), 0);
	return list;
}

static void a_tcp_address_becomes_one_for_each_shard(void **state)
{
	struct address_list list = list_of("127.0.0.1:80,unix:/a#1,[::1]:81");
	static const char *const texts[] = {"127.0.0.1:80", "127.0.0.1:80#1", "127.0.0.1:80#2",
		"unix:/a#1", "[::1]:81", "[::1]:81#1", "[::1]:81#2"};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(shards_expand(&list, 3, &why), 0);
	assert_int_equal(list.count, COUNT_OF(texts));
	for (size_t i = 0; i < list.count; i++)
		assert_string_equal(list.item[i].text, texts[i]);
	assert_int_equal(list.item[2].shard, 2);
	assert_int_equal(list.item[2].shards, 3);
	assert_int_equal(list.item[3].shards, 1);
}

static void one_shard_changes_no_text(void **state)
{
	struct address_list list = list_of("127.0.0.1:80,[::1]:81");
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(shards_expand(&list, 1, &why), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.item[1].text, "[::1]:81");
}

static void too_many_sockets_are_refused(void **state)
{
	struct address_list list = list_of("127.0.0.1:80,127.0.0.1:81");
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(shards_expand(&list, HERITAGE_LISTENERS / 2 + 1, &why), -E2BIG);
	assert_string_equal(bytes, "reuse_port: 2 addresses with 17 sockets each are too many: "
				   "allowed are 32 sockets");
	assert_int_equal(list.count, 2);
}

static void there_is_one_for_each_cpu_as_far_as_there_is_room(void **state)
{
	struct address_list one = list_of("127.0.0.1:80"), two = list_of("127.0.0.1:80,[::1]:80"),
			    mixed = list_of("unix:/a,127.0.0.1:80");
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(shards_wanted(1, &one), 2);
	assert_int_equal(shards_wanted(4, &one), 4);
	assert_int_equal(shards_wanted(64, &one), 32);
	assert_int_equal(shards_wanted(64, &two), 16);
	assert_int_equal(shards_wanted(64, &mixed), 31);
	assert_int_equal(shards_expand(&mixed, 31, &why), 0);
	assert_int_equal(mixed.count, HERITAGE_LISTENERS);
}

static void a_shard_is_known_by_what_stands_behind_the_port(void **state)
{
	(void)state;
	assert_int_equal(shard_of("127.0.0.1:80"), 0);
	assert_int_equal(shard_of("127.0.0.1:80#1"), 1);
	assert_int_equal(shard_of("[::1]:80#31"), 31);
	assert_int_equal(shard_of("[fe80::1%a#7]:80"), 0);
	assert_int_equal(shard_of("[fe80::1%a#7]:80#2"), 2);
	assert_int_equal(shard_of("unix:/a:80#3"), 0);
	assert_int_equal(shard_of("fd://3"), 0);
}

static void a_group_is_not_joined_by_a_socket_that_listens(void **state)
{
	struct listener_set set = {.count = 1};
	const struct shelf empty = {0};
	const struct listener_sources sources = {.before = &set, .shelf = &empty};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address_list list = list_of("127.0.0.1:80");
	size_t count;

	(void)state;
	strcpy(set.item[0].asked, "127.0.0.1:80#3");
	assert_int_equal(shards_count(false, &sources, &list, &count, &why), -EINVAL);
	assert_non_null(strstr(bytes, "reuse_port: cannot be changed"));
	assert_int_equal(shards_count(true, &sources, &list, &count, &why), 0);
	assert_int_equal(count, 4);
	strcpy(set.item[0].asked, "127.0.0.1:80");
	assert_int_equal(shards_count(false, &sources, &list, &count, &why), 0);
	assert_int_equal(count, 1);
	set.item[0].address.kind = ADDRESS_UNIX;
	assert_int_equal(shards_count(true, &sources, &list, &count, &why), 0);
	assert_true(count >= 1);
}

/* What workers who leave still hold is taken back as it is: as one socket, or as a group. */
static void a_socket_on_the_shelf_counts_when_it_is_wanted_back(void **state)
{
	struct shelved shelved = {0};
	const struct shelf shelf = {.first = &shelved};
	const struct listener_sources sources = {.shelf = &shelf};
	struct address_list list = list_of("127.0.0.1:80"), other = list_of("127.0.0.1:8");
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	size_t count;

	(void)state;
	strcpy(shelved.listener.asked, "127.0.0.1:80#1");
	assert_int_equal(shards_count(false, &sources, &list, &count, &why), -EINVAL);
	assert_int_equal(shards_count(true, &sources, &list, &count, &why), 0);
	assert_int_equal(count, 2);
	assert_int_equal(shards_count(false, &sources, &other, &count, &why), 0);
	assert_int_equal(count, 1);
	strcpy(shelved.listener.asked, "127.0.0.1:80");
	assert_int_equal(shards_count(true, &sources, &list, &count, &why), -EINVAL);
	assert_int_equal(shards_count(false, &sources, &list, &count, &why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcp_address_becomes_one_for_each_shard),
		cmocka_unit_test(one_shard_changes_no_text),
		cmocka_unit_test(too_many_sockets_are_refused),
		cmocka_unit_test(there_is_one_for_each_cpu_as_far_as_there_is_room),
		cmocka_unit_test(a_shard_is_known_by_what_stands_behind_the_port),
		cmocka_unit_test(a_group_is_not_joined_by_a_socket_that_listens),
		cmocka_unit_test(a_socket_on_the_shelf_counts_when_it_is_wanted_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
