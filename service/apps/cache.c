#include "service/apps/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Odd, and with as many ones as zeros in no order. */
#define MULTIPLIER 0x9fb21c651e98df25U

int cache_open(struct cache *cache, size_t most, uint64_t seed)
{
	size_t buckets = 16;

	while (buckets < most)
		buckets *= 2;
	*cache = (struct cache){.mask = buckets - 1, .seed = seed};
	cache->shelves[CACHE_MISSING].most = most / 4;
	cache->shelves[CACHE_FOUND].most = most - most / 4;
	for (size_t i = 0; i < CACHE_SHELVES; i++) {
		struct cache_node *ring = &cache->shelves[i].ring;

		ring->newer = ring->older = ring;
	}
	cache->buckets = calloc(buckets, sizeof(struct cache_node *));
	return cache->buckets != NULL ? 0 : -ENOMEM;
}

void cache_close(struct cache *cache)
{
	for (size_t i = 0; i < CACHE_SHELVES; i++)
		MUST(cache->shelves[i].count == 0);
	free(cache->buckets);
	cache->buckets = NULL;
}

static uint64_t fold(uint64_t value)
{
	unsigned __int128 product = (unsigned __int128)value * MULTIPLIER;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time; the seed stands between the bytes and each multiplication. */
static uint32_t hash_of(const struct cache *cache, const char *key, size_t size)
{
	uint64_t hash = cache->seed ^ size, eight = 0;

	for (; size >= sizeof(eight); size -= sizeof(eight), key += sizeof(eight)) {
		memcpy(&eight, key, sizeof(eight));
		hash = fold(hash ^ eight);
	}
	eight = 0;
	memcpy(&eight, key, size);
	return (uint32_t)fold(hash ^ eight);
}

struct cache_node *cache_find(struct cache *cache, const char *key, size_t size)
{
	uint32_t hash = hash_of(cache, key, size);
	struct cache_node *node = cache->buckets[hash & cache->mask];

	for (; node != NULL; node = node->chain) {
		if (node->hash == hash && node->key_size == size &&
			memcmp(node->key, key, size) == 0) {
			node->used = true;
			return node;
		}
	}
	return NULL;
}

bool cache_has_room(const struct cache *cache, enum cache_shelf_id shelf)
{
	return cache->shelves[shelf].count < cache->shelves[shelf].most;
}

static void shelve(struct cache_shelf *shelf, struct cache_node *node)
{
	node->older = shelf->ring.older;
	node->newer = &shelf->ring;
	node->older->newer = node;
	shelf->ring.older = node;
}

static void unshelve(struct cache_node *node)
{
	node->newer->older = node->older;
	node->older->newer = node->newer;
}

struct cache_node *cache_victim(struct cache *cache, enum cache_shelf_id id)
{
	struct cache_shelf *shelf = &cache->shelves[id];
	struct cache_node *oldest;

	while ((oldest = shelf->ring.newer) != &shelf->ring && oldest->used) {
		oldest->used = false;
		unshelve(oldest);
		shelve(shelf, oldest);
	}
	return oldest != &shelf->ring ? oldest : NULL;
}

void cache_add(struct cache *cache, struct cache_node *node)
{
	struct cache_shelf *shelf = &cache->shelves[node->shelf];
	struct cache_node **bucket;

	MUST(!node->kept && shelf->count < shelf->most);
	node->hash = hash_of(cache, node->key, node->key_size);
	bucket = &cache->buckets[node->hash & cache->mask];
	node->chain = *bucket;
	*bucket = node;
	node->used = false;
	node->kept = true;
	shelve(shelf, node);
	shelf->count++;
}

void cache_remove(struct cache *cache, struct cache_node *node)
{
	struct cache_node **at = &cache->buckets[node->hash & cache->mask];

	MUST(node->kept);
	while (*at != node)
		at = &(*at)->chain;
	*at = node->chain;
	unshelve(node);
	node->kept = false;
	cache->shelves[node->shelf].count--;
}
