/* drop.c - a module that wants no body, and answers as size.c does a body of 1 MiB. */
#include <narwhal/service.h>

static enum narwhal_outcome begin(void *state, struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)response;
	return narwhal_request_discard(request) == 0 ? NARWHAL_MORE : NARWHAL_FAILED;
}

static void drop(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)narwhal_response_field(response, "Content-Type", "text/plain; charset=utf-8");
	(void)narwhal_response_body(response, "001048576 bytes\n", 16);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "drop",
	.begin = begin,
	.handle = drop,
};
