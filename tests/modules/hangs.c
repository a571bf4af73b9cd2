/* hangs.c - an app that never ends loading; or, with HANGS_IN_REQUEST set, never ends a request. */
#include "module.h"

#include <stdlib.h>
#include <unistd.h>

static int load(struct narwhal_host *host, void **state)
{
	(void)host;
	(void)state;
	return getenv("HANGS_IN_REQUEST") == NULL ? pause() : 0;
}

static void hang(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)response;
	for (;;)
		(void)pause();
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "hangs",
	.load = load,
	.handle = hang,
};
