/* secured.c - an app that answers with what it was told of the connection's TLS. For tests only. */
#include <narwhal/service.h>

#include <string.h>

static void add(struct narwhal_response *response, const char *name, struct narwhal_bytes value)
{
	(void)narwhal_response_body(response, name, strlen(name));
	(void)narwhal_response_body(response, "=", 1);
	if (value.data != NULL)
		(void)narwhal_response_body(response, value.data, value.size);
	(void)narwhal_response_body(response, "\n", 1);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	static const char *const names[NARWHAL_TLS_FACTS] = {
		[NARWHAL_TLS_VERSION] = "version",
		[NARWHAL_TLS_CIPHER] = "cipher",
		[NARWHAL_TLS_SERVER_NAME] = "server_name",
		[NARWHAL_TLS_CLIENT_SUBJECT] = "subject",
		[NARWHAL_TLS_CLIENT_ISSUER] = "issuer",
		[NARWHAL_TLS_CLIENT_SERIAL] = "serial",
		[NARWHAL_TLS_CLIENT_FINGERPRINT] = "fingerprint",
		[NARWHAL_TLS_CLIENT_CERTIFICATE] = "certificate",
	};

	(void)state;
	add(response, "scheme", narwhal_request_scheme(request));
	add(response, "peer", narwhal_request_peer(request));
	for (int i = 0; i < NARWHAL_TLS_FACTS; i++)
		add(response, names[i], narwhal_request_tls(request, (enum narwhal_tls_fact)i));
	add(response, "none", narwhal_request_tls(request, NARWHAL_TLS_FACTS));
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "secured",
	.handle = handle,
};
