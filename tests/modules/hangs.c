/* hangs.c - an app that never ends loading. */
#include "module.h"

#include <unistd.h>

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	(void)state;
	return pause();
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "hangs",
	.load = load,
	.handle = answer_nothing,
};
