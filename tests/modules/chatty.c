/*
 * chatty.c - an app that prints CHATTY KiB when it is loaded, and waits for whoever reads them. For
 * tests only.
 */
#include <narwhal/service.h>

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void chat(void)
{
	const char *kib = getenv("CHATTY");

	for (long i = kib != NULL ? strtol(kib, NULL, 10) * 64 : 0; i > 0; i--)
		(void)fputs("chatchatchatcha\n", stderr);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)narwhal_response_status(response, 204);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "chatty",
	.handle = handle,
};
