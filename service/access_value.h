/*
 * access_value.h - what an atom of the access log is, of one request and its answer.
 *
 * Pure but for the wall clock, which is asked once a second. Values are as they came: making them
 * harmless is access_line.h's.
 */
#ifndef SERVICE_ACCESS_VALUE_H
#define SERVICE_ACCESS_VALUE_H

#include <stdint.h>

#include "base/access_format.h"
#include "base/text.h"
#include "service/peer.h"
#include "service/view.h"

#define ACCESS_CLF_SIZE 28

/* The present second, in the ways that lines write it. */
struct access_times {
	uint64_t until_ms;	       /* monotonic; the second is over then */
	int64_t wall_ms;	       /* at its beginning */
	uint64_t began_ms;	       /* the same, monotonic */
	char clf[ACCESS_CLF_SIZE + 1]; /* [20/Nov/2026:11:50:00 +0000] */
	char iso[24 + 1];	       /* 2026-11-20T11:50:00.000Z */
};

/* The client of the last line, as text: most lines are about the one before, or a proxy's. */
struct access_client {
	struct peer peer;
	size_t size; /* 0: there was none */
	char bytes[PEER_TEXT_MAX];
};

/* What lines say that no request does: one for the worker. Bytes of no data: not known. */
struct access_scene {
	uint64_t now_ms; /* when this turn of the loop began */
	struct access_times times;
	struct access_client last;
	struct narwhal_bytes pid, generation;
};

/* Of one answer. What only few lines say of its request is found out when one does. */
struct access_facts {
	const struct narwhal_request *request; /* its head as far as it was understood */
	struct access_scene *scene;
	unsigned status;
	struct narwhal_bytes head; /* of the answer */
};

/* Makes the times those of now, if the second is over. */
void access_times_at(struct access_times *times, uint64_t now_ms);
/*
 * The value of a part of kind ACCESS_TEXT, ACCESS_DECODED or ACCESS_PLAIN; no data: there is none.
 * One of kind ACCESS_PLAIN may be made in `room`, which is its most and a byte.
 */
struct narwhal_bytes access_value(const struct access_facts *facts, const struct access_part *part,
	char *room);
/* What a value of kind ACCESS_DECODED means; what does not fit in `text` is cut. */
struct narwhal_bytes access_decode(struct narwhal_bytes value, struct text *text);

#endif
