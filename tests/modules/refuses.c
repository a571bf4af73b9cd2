/* refuses.c - an app that cannot load. */
#include <narwhal/service.h>

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	(void)state;
	return -1;
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)response;
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "refuses",
	.load = load,
	.handle = handle,
};
