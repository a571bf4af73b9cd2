#include "service/view.h"

#include <string.h>

#include "service/octet.h"
#include "service/tls_facts.h"

uint64_t view_now_ms(const struct narwhal_request *request)
{
	return request->now_ms;
}

static struct narwhal_bytes cut_out(const struct narwhal_request *view, size_t at, size_t size)
{
	return (struct narwhal_bytes){view->bytes + at, size};
}

EXPORT struct narwhal_bytes narwhal_request_method(const struct narwhal_request *request)
{
	return cut_out(request, request->head->method.at, request->head->method.size);
}

EXPORT struct narwhal_bytes narwhal_request_target(const struct narwhal_request *request)
{
	return cut_out(request, request->head->target.at, request->head->target.size);
}

EXPORT struct narwhal_bytes narwhal_request_path(const struct narwhal_request *request)
{
	return cut_out(request, request->head->path.at, request->head->path.size);
}

EXPORT struct narwhal_bytes narwhal_request_query(const struct narwhal_request *request)
{
	return cut_out(request, request->head->query.at, request->head->query.size);
}

EXPORT struct narwhal_bytes narwhal_request_field(const struct narwhal_request *request,
	const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < request->head->field_count; i++) {
		const struct request_field *field = &request->head->fields[i];

		if (field->name_size == size &&
			octet_same(request->bytes + field->name_at, name, size))
			return cut_out(request, field->value_at, field->value_size);
	}
	return (struct narwhal_bytes){NULL, 0};
}

EXPORT int narwhal_request_field_at(const struct narwhal_request *request, size_t index,
	struct narwhal_bytes *name, struct narwhal_bytes *value)
{
	const struct request_field *field;

	if (index >= request->head->field_count)
		return 0;
	field = &request->head->fields[index];
	*name = cut_out(request, field->name_at, field->name_size);
	*value = cut_out(request, field->value_at, field->value_size);
	return 1;
}

EXPORT struct narwhal_bytes narwhal_request_body(const struct narwhal_request *request)
{
	return request->body;
}

EXPORT struct narwhal_bytes narwhal_request_peer(const struct narwhal_request *request)
{
	if (request->peer_text->used == 0)
		peer_write(origin_client(request), request->peer_text);
	return (struct narwhal_bytes){request->peer_text->bytes, request->peer_text->used};
}

EXPORT struct narwhal_bytes narwhal_request_scheme(const struct narwhal_request *request)
{
	return origin_scheme(request);
}

EXPORT struct narwhal_bytes narwhal_request_host(const struct narwhal_request *request)
{
	return origin_host(request);
}

EXPORT struct narwhal_bytes narwhal_request_id(const struct narwhal_request *request)
{
	return origin_id(request);
}

EXPORT struct narwhal_bytes narwhal_request_tls(const struct narwhal_request *request,
	enum narwhal_tls_fact fact)
{
	const struct tls_facts *facts = request->peer->tls;

	if (facts == NULL || (unsigned)fact >= NARWHAL_TLS_FACTS)
		return (struct narwhal_bytes){NULL, 0};
	return facts->fact[fact];
}

EXPORT struct narwhal_bytes narwhal_request_trace_id(const struct narwhal_request *request)
{
	return origin_trace(request);
}
