/* falls.c - an app that crashes at every request. For tests only. */
#include <narwhal/service.h>

#include <signal.h>

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)response;
	(void)raise(SIGSEGV);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "falls",
	.handle = handle,
};
