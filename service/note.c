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

/* Only what lines say is found out. */
static struct narwhal_bytes ask(const struct access *access, enum access_atom atom,
	struct narwhal_bytes (*origin)(const struct narwhal_request *request),
	const struct narwhal_request *request)
{
	if (!access_format_says(&access->format, atom))
		return (struct narwhal_bytes){NULL, 0};
	return origin(request);
}

static void collect(struct access *access, const struct call *call, struct access_facts *facts)
{
	const struct narwhal_request *request = &call->request;

	*facts = (struct access_facts){
		.request = &call->head,
		.bytes = request->bytes,
		.peer = request->peer,
		.client = origin_client(request),
		.last = &access->client,
		.scheme = ask(access, ACCESS_SCHEME, origin_scheme, request),
		.host = ask(access, ACCESS_HOST, origin_host, request),
		.request_id = ask(access, ACCESS_REQUEST_ID, origin_id, request),
		.trace_id = ask(access, ACCESS_TRACE_ID, origin_trace, request),
		.status = call->response.status,
		.times = &access->times,
		.now_ms = access->now_ms,
		.pid = access->pid,
		.generation = access->generation,
	};
}

void note_answer(struct exchange *exchange, const struct call *call, struct note_mark before,
	size_t head_size)
{
	struct access *access = exchange->access;
	const struct access_place place = answer_place(exchange, call, before, head_size);
	struct access_facts facts;

	if (!access_is_on(access))
		return;
	collect(access, call, &facts);
	facts.head = (struct narwhal_bytes){answer_head(&exchange->outgoing, before), head_size};
	access_note(access, &exchange->outgoing.notes, &facts, &place);
}

/* What others write for it, too, though no client has ever seen it. */
#define STATUS_GONE 499

void note_gone(struct exchange *exchange, const struct call *call)
{
	struct access *access = exchange->access;
	const struct access_place place = {.began_us = call->intake.began_us};
	struct access_notes *notes = NULL;
	struct access_facts facts;

	if (access == NULL || !access_is_on(access))
		return;
	collect(access, call, &facts);
	facts.status = STATUS_GONE;
	access_note(access, &notes, &facts, &place);
	access_notes_free(&notes);
}
