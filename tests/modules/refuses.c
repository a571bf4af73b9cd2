/* refuses.c - an app that cannot load. */
#include "module.h"

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	(void)state;
	return -1;
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "refuses",
	.load = load,
	.handle = answer_nothing,
};
