/* crashes.c - an app that crashes while it loads. */
#include "module.h"

#include <signal.h>

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	(void)state;
	return raise(SIGSEGV);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "crashes",
	.load = load,
	.handle = answer_nothing,
};
