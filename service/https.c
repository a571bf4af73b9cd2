#include "service/https.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "service/origin.h"
#include "service/response.h"

#define HTTPS_PORT 443

static bool is_secure(const struct narwhal_request *request)
{
	struct narwhal_bytes scheme = origin_scheme(request);

	return scheme.size == 5 && memcmp(scheme.data, "https", 5) == 0;
}

/* Without its port: behind the brackets of an IPv6 address, if it is one. */
static size_t name_size(struct narwhal_bytes host)
{
	size_t at = 0;

	while (at < host.size && host.data[0] == '[' && host.data[at] != ']')
		at++;
	while (at < host.size && host.data[at] != ':')
		at++;
	return at;
}

/* With a NUL behind it. 0 or -ENOMEM. */
static int write_location(const struct https_rules *rules, const struct narwhal_request *request,
	struct buffer *location)
{
	struct narwhal_bytes host = origin_host(request), path = narwhal_request_path(request),
			     query = narwhal_request_query(request);
	char port[16] = "";
	int error = buffer_add(location, "https://", 8);

	if (rules->port != HTTPS_PORT)
		(void)snprintf(port, sizeof(port), ":%" PRIu64, rules->port);
	if (error == 0)
		error = buffer_add(location, host.data, name_size(host));
	if (error == 0)
		error = buffer_add(location, port, strlen(port));
	if (error == 0) /* "OPTIONS *" has none */
		error = path.size != 0 && path.data[0] == '/'
				? buffer_add(location, path.data, path.size)
				: buffer_add(location, "/", 1);
	if (error == 0 && query.size != 0)
		error = buffer_add(location, "?", 1);
	if (error == 0 && query.size != 0)
		error = buffer_add(location, query.data, query.size);
	return error == 0 ? buffer_add(location, "", 1) : error;
}

bool https_redirect(const struct https_rules *rules, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct buffer location = {0};

	if (is_secure(request))
		return false;
	if (origin_host(request).size == 0) {
		response_refuse(response, 400,
			"this is served by HTTPS alone, and there is no Host");
		return true;
	}
	if (write_location(rules, request, &location) != 0) {
		response_error(response, 503);
	} else {
		/* RFC 9110 section 15.4.9: the method and the body stay what they are. */
		response_error(response, 308);
		(void)narwhal_response_field(response, "Location", location.bytes);
	}
	buffer_free(&location);
	return true;
}

void https_insist(const struct https_rules *rules, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	static const char name[] = "Strict-Transport-Security";
	char value[64];

	/* RFC 6797 section 7.2: never in plain text. */
	if (!is_secure(request) || response_has_field(response, name))
		return;
	(void)snprintf(value, sizeof(value), "max-age=%" PRIu64 "%s", rules->hsts_ms / 1000,
		rules->hsts_subdomains ? "; includeSubDomains" : "");
	(void)narwhal_response_field(response, name, value);
}
