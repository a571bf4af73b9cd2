/* echo.c - 200 to any method; sends the request's body back, with its Content-Type. */
#include <narwhal/service.h>

#include <stdio.h>

static void echo_type(const struct narwhal_request *request, struct narwhal_response *response)
{
	struct narwhal_bytes type = narwhal_request_field(request, "Content-Type");
	char text[256];

	if (type.data == NULL || type.size >= sizeof(text))
		(void)snprintf(text, sizeof(text), "application/octet-stream");
	else
		(void)snprintf(text, sizeof(text), "%.*s", (int)type.size, type.data);
	(void)narwhal_response_field(response, "Content-Type", text);
}

static void echo(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes body = narwhal_request_body(request);

	(void)state;
	echo_type(request, response);
	(void)narwhal_response_body(response, body.data, body.size);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "echo",
	.handle = echo,
};
