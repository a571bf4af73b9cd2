/* size.c - a module that has a request's whole body and answers how large it is. */
#include <narwhal/service.h>

#include <stdio.h>

static void size(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	char text[32];
	int digits =
		snprintf(text, sizeof(text), "%09zu bytes\n", narwhal_request_body(request).size);

	(void)state;
	(void)narwhal_response_field(response, "Content-Type", "text/plain; charset=utf-8");
	(void)narwhal_response_body(response, text, (size_t)digits);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "size",
	.handle = size,
};
