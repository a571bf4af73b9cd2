/* asks.c - an app that asks for a system call that there is not. */
#include "module.h"

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "asks",
	.handle = answer_nothing,
	.calls = "connect, scoket",
};
