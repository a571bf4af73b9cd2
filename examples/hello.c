/* hello.c - the smallest service: GET / -> "Hello, World!". See include/narwhal/service.h. */
#include <narwhal/service.h>

static void hello(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	static const char body[] = "Hello, World!\n";

	(void)state;
	(void)request;
	(void)narwhal_response_field(response, "Content-Type", "text/plain; charset=utf-8");
	(void)narwhal_response_body(response, body, sizeof(body) - 1);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "hello",
	.handle = hello,
};
