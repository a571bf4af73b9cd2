/*
 * note.h - takes an answer that is on its way out down for the access log: what was asked, what was
 * answered, and where in all that goes out it stands.
 */
#ifndef SERVICE_NOTE_H
#define SERVICE_NOTE_H

#include "service/exchange.h"

/* What stood in outgoing.bytes before an answer. */
struct note_mark {
	size_t used, sent;
};

static inline struct note_mark note_mark(const struct outgoing *outgoing)
{
	return (struct note_mark){outgoing->bytes.used, outgoing->bytes_sent};
}

/* The answer was written behind `before`, and its head has `head_size` bytes. */
void note_answer(struct exchange *exchange, const struct call *call, struct note_mark before,
	size_t head_size);
/* There will be no answer: the client is gone. */
void note_gone(struct exchange *exchange, const struct call *call);

#endif
