/* status.c - an app that answers with the status that the path names. For tests only. */
#include <narwhal/service.h>

#include <stdlib.h>

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes path = narwhal_request_path(request);

	(void)state;
	(void)narwhal_response_status(response, (unsigned)strtoul(path.data + 1, NULL, 10));
	(void)narwhal_response_body(response, "body", 4);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "status",
	.handle = handle,
};
