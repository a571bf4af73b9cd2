/* elder.c - an app that was built before a module could ask for system calls. */
#include "module.h"

#include <stddef.h>

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = offsetof(struct narwhal_module, calls),
	.name = "elder",
	.handle = answer_nothing,
	.calls = "of no meaning: behind the end",
};
