#include "service/note.h"

/* A first chunk gets its head put in front of it, and all before moves: bytes_sent says how far. */
static const char *answer_head(const struct outgoing *out, struct note_mark before)
{
	return out->bytes.bytes + before.used + out->bytes_sent - before.sent;
}

static struct access_place answer_place(const struct exchange *exchange, const struct call *call,
	struct note_mark before, size_t head_size)
{
	const struct outgoing *out = &exchange->outgoing;
	uint64_t sent = out->notes != NULL ? out->notes->sent : 0;
	uint64_t left = out->bytes.used - out->bytes_sent + out->body.used + out->file_left;

	return (struct access_place){
		.body_at = sent + before.used - before.sent + head_size,
		.end = out->stream != NULL ? UINT64_MAX : sent + left,
		.began_us = call->intake.has_head ? call->intake.began_us : exchange->turn_us,
	};
}

void note_answer(struct exchange *exchange, const struct call *call, struct note_mark before,
	size_t head_size)
{
	static const struct narwhal_bytes nothing = {NULL, 0};
	struct access *access = exchange->access;
	const struct access_place place = answer_place(exchange, call, before, head_size);
	const struct access_facts facts = {
		.request = &call->head,
		.bytes = call->request.bytes,
		.peer = call->request.peer,
		.client = origin_client(&call->request),
		.scheme = origin_scheme(&call->request),
		.host = origin_host(&call->request),
		.request_id = access->says_id ? origin_id(&call->request) : nothing,
		.trace_id = access->says_trace ? origin_trace(&call->request) : nothing,
		.status = call->response.status,
		.head = {answer_head(&exchange->outgoing, before), head_size},
		.times = &access->times,
		.now_ms = access->now_ms,
		.pid = access->pid,
	};

	if (access_is_on(access))
		access_note(access, &exchange->outgoing.notes, &facts, &place);
}
