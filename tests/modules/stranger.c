/* stranger.c - an app of another ABI. */
#include <narwhal/service.h>

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)response;
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI + 1,
	.size = sizeof(struct narwhal_module),
	.name = "stranger",
	.handle = handle,
};
