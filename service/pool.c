#include "service/pool.h"

#include <errno.h>
#include <sys/mman.h>

#include "service/connection.h"

int pool_open(struct pool *pool, size_t size)
{
	void *all = mmap(NULL, size * sizeof(struct connection), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (all == MAP_FAILED)
		return -errno;
	*pool = (struct pool){.all = all, .size = size};
	return 0;
}

void pool_close(struct pool *pool)
{
	MUST(pool->used == 0);
	if (pool->all != NULL)
		(void)munmap(pool->all, pool->size * sizeof(struct connection));
	*pool = (struct pool){0};
}

struct connection *pool_take(struct pool *pool)
{
	struct connection *connection = pool->spare;

	if (connection != NULL)
		pool->spare = connection->next_spare;
	else if (pool->touched < pool->size)
		connection = &pool->all[pool->touched++];
	else
		return NULL;
	pool->used++;
	return connection;
}

void pool_put(struct pool *pool, struct connection *connection)
{
	MUST(pool->used > 0);
	connection->next_spare = pool->spare;
	pool->spare = connection;
	pool->used--;
}
