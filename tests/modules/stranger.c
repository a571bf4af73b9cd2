/* stranger.c - an app of another ABI. */
#include "module.h"

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI + 1,
	.size = sizeof(struct narwhal_module),
	.name = "stranger",
	.handle = answer_nothing,
};
