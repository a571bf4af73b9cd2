/* crashes.c - an app that crashes while it loads. */
#include <narwhal/service.h>

#include <signal.h>

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	(void)state;
	return raise(SIGSEGV);
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
	.name = "crashes",
	.load = load,
	.handle = handle,
};
