#include "service/shard.h"

#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"

/* Its address, when it shares it; false when it does not. */
static bool find_address(int fd, struct sockaddr_storage *address)
{
	int shares = 0;
	socklen_t size = sizeof(shares), address_size = sizeof(*address);

	*address = (struct sockaddr_storage){0};
	return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, &size) == 0 && shares != 0 &&
	       getsockname(fd, (struct sockaddr *)address, &address_size) == 0;
}

struct shard shard_find(const int *fds, size_t count, size_t at)
{
	struct sockaddr_storage own, other;
	struct shard shard = {0, 1};

	if (!find_address(fds[at], &own))
		return shard;
	for (size_t i = 0; i < count; i++) {
		if (i == at || !find_address(fds[i], &other) ||
			memcmp(&own, &other, sizeof(own)) != 0)
			continue;
		shard.count++;
		shard.index += i < at;
	}
	return shard;
}

void shard_settle(uint64_t slot, size_t count)
{
	cpu_set_t allowed, own;
	size_t n = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	CPU_ZERO(&own);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || cpu % count != slot % count)
			continue;
		CPU_SET(cpu, &own);
		n++;
	}
	if (n != 0)
		(void)sched_setaffinity(0, sizeof(own), &own); /* slower without, and no worse */
}
