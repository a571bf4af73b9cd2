/* The table of what was asked for lately, and what leaves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/apps/cache.h"

struct thing {
	struct cache_node node;
	char key[24];
};

static struct cache_node *node_of(struct thing *thing, const char *key, enum cache_shelf_id shelf)
{
	(void)snprintf(thing->key, sizeof(thing->key), "%s", key);
	thing->node = (struct cache_node){
		.key = thing->key,
		.key_size = (uint32_t)strlen(thing->key),
		.shelf = shelf,
	};
	return &thing->node;
}

static struct cache_node *find(struct cache *cache, const char *key)
{
	return cache_find(cache, key, strlen(key));
}

static void empty(struct cache *cache)
{
	struct cache_node *node;

	for (enum cache_shelf_id i = 0; i < CACHE_SHELVES; i++) {
		while ((node = cache_victim(cache, i)) != NULL)
			cache_remove(cache, node);
	}
	cache_close(cache);
}

static void what_was_added_is_found_until_it_is_removed(void **state)
{
	static const char *const keys[] = {"", "/", "/a", "/b", "/1234567", "/12345678",
		"/1234567x", "/123456789012345"};
	struct thing things[COUNT_OF(keys)];
	struct cache cache;

	(void)state;
	assert_int_equal(cache_open(&cache, 100, 42), 0);
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		assert_null(find(&cache, keys[i]));
		cache_add(&cache, node_of(&things[i], keys[i], CACHE_FOUND));
	}
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		assert_ptr_equal(find(&cache, keys[i]), &things[i].node);
	assert_null(cache_find(&cache, "/1234567", 7));
	cache_remove(&cache, &things[3].node);
	assert_null(find(&cache, "/b"));
	assert_ptr_equal(find(&cache, "/a"), &things[2].node);
	empty(&cache);
}

static void thousands_share_few_buckets_and_all_are_found(void **state)
{
	enum { MANY = 5000 };
	struct thing *things = test_calloc(MANY, sizeof(*things));
	struct cache cache;
	char key[24];

	(void)state;
	assert_int_equal(cache_open(&cache, 2 * MANY, 7), 0);
	cache.mask = 15; /* as if the hash were poor */
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "/file%d", i);
		cache_add(&cache, node_of(&things[i], key, CACHE_FOUND));
	}
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(find(&cache, things[i].key), &things[i].node);
	empty(&cache);
	test_free(things);
}

static void the_hash_spreads_keys_that_differ_in_little(void **state)
{
	unsigned used[1024] = {0}, most = 0;
	struct cache cache;
	struct thing thing;
	char key[24];

	(void)state;
	assert_int_equal(cache_open(&cache, 1024, 99), 0);
	for (int i = 0; i < 1024; i++) {
		(void)snprintf(key, sizeof(key), "/file%d.html", i);
		cache_add(&cache, node_of(&thing, key, CACHE_FOUND));
		used[thing.node.hash & cache.mask]++;
		cache_remove(&cache, &thing.node);
	}
	for (size_t i = 0; i < COUNT_OF(used); i++)
		most = used[i] > most ? used[i] : most;
	assert_in_range(most, 2, 12);
	empty(&cache);
}

static void what_was_used_has_a_second_chance(void **state)
{
	struct thing a, b, c;
	struct cache cache;

	(void)state;
	assert_int_equal(cache_open(&cache, 4, 1), 0);
	assert_null(cache_victim(&cache, CACHE_FOUND));
	cache_add(&cache, node_of(&a, "/a", CACHE_FOUND));
	cache_add(&cache, node_of(&b, "/b", CACHE_FOUND));
	assert_true(cache_has_room(&cache, CACHE_FOUND));
	cache_add(&cache, node_of(&c, "/c", CACHE_FOUND));
	assert_false(cache_has_room(&cache, CACHE_FOUND));
	assert_ptr_equal(cache_victim(&cache, CACHE_FOUND), &a.node);
	assert_non_null(find(&cache, "/a"));
	assert_ptr_equal(cache_victim(&cache, CACHE_FOUND), &b.node);
	cache_remove(&cache, &b.node);
	assert_ptr_equal(cache_victim(&cache, CACHE_FOUND), &c.node);
	cache_remove(&cache, &c.node);
	assert_ptr_equal(cache_victim(&cache, CACHE_FOUND), &a.node);
	empty(&cache);
}

static void when_all_were_used_the_oldest_goes(void **state)
{
	struct thing things[3];
	struct cache cache;

	(void)state;
	assert_int_equal(cache_open(&cache, 4, 1), 0);
	for (int i = 0; i < 3; i++) {
		const char key[] = {'/', (char)('a' + i), '\0'};

		cache_add(&cache, node_of(&things[i], key, CACHE_FOUND));
		assert_non_null(find(&cache, key));
	}
	assert_ptr_equal(cache_victim(&cache, CACHE_FOUND), &things[0].node);
	empty(&cache);
}

static void what_is_missing_never_drives_out_what_is_found(void **state)
{
	struct thing found[6], missing[2];
	struct cache cache;

	(void)state;
	assert_int_equal(cache_open(&cache, 8, 1), 0);
	for (int i = 0; i < 6; i++) {
		const char key[] = {'/', (char)('a' + i), '\0'};

		assert_true(cache_has_room(&cache, CACHE_FOUND));
		cache_add(&cache, node_of(&found[i], key, CACHE_FOUND));
	}
	assert_false(cache_has_room(&cache, CACHE_FOUND));
	for (int i = 0; i < 2; i++) {
		const char key[] = {'/', (char)('x' + i), '\0'};

		assert_true(cache_has_room(&cache, CACHE_MISSING));
		cache_add(&cache, node_of(&missing[i], key, CACHE_MISSING));
	}
	assert_false(cache_has_room(&cache, CACHE_MISSING));
	assert_ptr_equal(cache_victim(&cache, CACHE_MISSING), &missing[0].node);
	empty(&cache);
}

static void a_cache_of_none_has_no_room(void **state)
{
	struct cache cache;

	(void)state;
	assert_int_equal(cache_open(&cache, 0, 1), 0);
	assert_false(cache_has_room(&cache, CACHE_FOUND));
	assert_false(cache_has_room(&cache, CACHE_MISSING));
	assert_null(find(&cache, "/"));
	empty(&cache);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_found_until_it_is_removed),
		cmocka_unit_test(thousands_share_few_buckets_and_all_are_found),
		cmocka_unit_test(the_hash_spreads_keys_that_differ_in_little),
		cmocka_unit_test(what_was_used_has_a_second_chance),
		cmocka_unit_test(when_all_were_used_the_oldest_goes),
		cmocka_unit_test(what_is_missing_never_drives_out_what_is_found),
		cmocka_unit_test(a_cache_of_none_has_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
