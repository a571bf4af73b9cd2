/*
 * waits.c - an app that is not loaded before the file that WAITS_FOR names is there. For tests
 * only.
 */
#include <narwhal/service.h>

#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void wait_for_it(void)
{
	const char *path = getenv("WAITS_FOR");

	while (path != NULL && access(path, F_OK) != 0)
		(void)usleep(1000);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)narwhal_response_body(response, "waited\n", 7);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "waits",
	.handle = handle,
};
