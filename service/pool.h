/*
 * pool.h - the connections that a worker may hold, as many as `worker_connections` says.
 *
 * Memory that was never used costs nothing; memory that was is used again first.
 */
#ifndef SERVICE_POOL_H
#define SERVICE_POOL_H

#include <stddef.h>

#include "base/attr.h"

struct connection;

struct pool {
	struct connection *all;
	size_t size;
	size_t touched; /* from here on nothing was ever used */
	size_t used;
	struct connection *spare; /* linked by `next_spare` */
};

MUST_USE int pool_open(struct pool *pool, size_t size);
void pool_close(struct pool *pool);
/* NULL when all are in use. What it points to is as pool_put() left it, or zero. */
struct connection *pool_take(struct pool *pool);
void pool_put(struct pool *pool, struct connection *connection);

#endif
