/*
 * cache.h - what was asked for lately, by its key: a hash table that is bounded. Pure.
 *
 * It owns nothing: a node stands in whatever is remembered, and its key beside it. Two shelves have
 * bounds of their own, so that what is not there, which anybody can ask for at will, never drives
 * out what is. A shelf that is full gives up what was not used since it was looked at last
 * ("second chance"): a hit costs no reordering.
 */
#ifndef SERVICE_APPS_CACHE_H
#define SERVICE_APPS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum cache_shelf_id {
	CACHE_FOUND,
	CACHE_MISSING,
	CACHE_SHELVES,
};

struct cache_node {
	struct cache_node *chain;	  /* of the bucket */
	struct cache_node *newer, *older; /* of the shelf */
	const char *key;
	uint32_t key_size;
	uint32_t hash;
	enum cache_shelf_id shelf;
	bool used; /* since it was shelved, or had its second chance */
	bool kept; /* is in the cache */
};

struct cache_shelf {
	struct cache_node ring; /* between the newest and the oldest */
	size_t count, most;
};

struct cache {
	struct cache_node **buckets;
	size_t mask;
	uint64_t seed; /* so that nobody can choose keys for one bucket */
	struct cache_shelf shelves[CACHE_SHELVES];
};

/* Room for `most` nodes in all; 0 is a cache that has none. 0 or -ENOMEM. */
MUST_USE int cache_open(struct cache *cache, size_t most, uint64_t seed);
/* It must be empty. */
void cache_close(struct cache *cache);

/* The node with that key, or NULL. */
struct cache_node *cache_find(struct cache *cache, const char *key, size_t size);
/* Whether the shelf has room for one more; what cache_victim() names has to go before that. */
PURE bool cache_has_room(const struct cache *cache, enum cache_shelf_id shelf);
/* What should go first of a shelf; NULL when it is empty. */
struct cache_node *cache_victim(struct cache *cache, enum cache_shelf_id id);
/* The node, with its key and its shelf; there is no other with that key, and there is room. */
void cache_add(struct cache *cache, struct cache_node *node);
void cache_remove(struct cache *cache, struct cache_node *node);

#endif
