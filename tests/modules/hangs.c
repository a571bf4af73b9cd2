/* hangs.c - an app that never ends loading. */
#include <narwhal/service.h>

#include <unistd.h>

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	(void)state;
	return pause();
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
	.name = "hangs",
	.load = load,
	.handle = handle,
};
