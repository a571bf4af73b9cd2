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
	struct access *access = exchange->access;
	const struct access_place place = answer_place(exchange, call, before, head_size);
	const struct access_facts facts = {
		.request = &call->request,
		.scene = &access->scene,
		.status = call->response.status,
		.head = {answer_head(&exchange->outgoing, before), head_size},
	};

	if (access_is_on(access))
		access_note(access, &exchange->outgoing.notes, &facts, &place);
}

/* What others write for it, too, though no client has ever seen it. */
#define STATUS_GONE 499

void note_gone(struct exchange *exchange, const struct call *call)
{
	struct access *access = exchange->access;
	const struct access_place place = {.began_us = call->intake.began_us};
	struct access_notes *notes = NULL;
	struct access_facts facts = {.request = &call->request, .status = STATUS_GONE};

	if (access == NULL || !access_is_on(access))
		return;
	facts.scene = &access->scene;
	access_note(access, &notes, &facts, &place);
	access_notes_free(&notes);
}
