/* tells.c - an app that answers with what it was told of the request's origin. For tests only. */
#include <narwhal/service.h>

#include <string.h>

static void add(struct narwhal_response *response, const char *name, struct narwhal_bytes value)
{
	(void)narwhal_response_body(response, name, strlen(name));
	(void)narwhal_response_body(response, value.data, value.size);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	add(response, "peer=", narwhal_request_peer(request));
	add(response, " scheme=", narwhal_request_scheme(request));
	add(response, " host=", narwhal_request_host(request));
	add(response, " id=", narwhal_request_id(request));
	add(response, " trace=", narwhal_request_trace_id(request));
	add(response, " local=", narwhal_request_local(request));
	add(response, " raw=", narwhal_request_field(request, "X-Forwarded-For"));
	if (narwhal_request_field(request, "X-Bad").data != NULL)
		(void)narwhal_response_field(response, "X", "a\r\nb");
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "tells",
	.handle = handle,
};
