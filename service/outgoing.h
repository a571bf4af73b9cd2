/*
 * outgoing.h - what is still to be sent to one client, and nothing of how: transport.c does that.
 *
 * Bytes, then a body, then a part of a file; and then, if there is a stream, what it brings next.
 */
#ifndef SERVICE_OUTGOING_H
#define SERVICE_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buffer.h"
#include "service/file.h"

struct access_notes;
struct narwhal_stream;
struct origin_label;

struct outgoing {
	struct buffer bytes;
	size_t bytes_sent;
	struct buffer body;
	size_t body_sent;
	struct file *file; /* held; NULL: none */
	off_t file_at;
	uint64_t file_left;
	struct narwhal_stream *stream; /* owned; NULL: nothing comes behind the rest */
	bool until_close; /* what there is, is the body that the connection's end makes whole */
	struct access_notes *notes; /* owned: lines of the access log; NULL: none */
	/* Owned: whose the last answer is, where the connection alone does not tell; NULL. */
	struct origin_label *label;
};

/* Gives everything back; {0} afterwards, as before the first use. */
void outgoing_free(struct outgoing *outgoing);
/* Room for more, with the same stream; keeps small memory. Everything there must have been sent. */
void outgoing_reset(struct outgoing *outgoing);
/* Gives back the part of a file and the stream. */
void outgoing_drop(struct outgoing *outgoing);
/* The part of a file; none may be left of another. Holds the file. */
void outgoing_file(struct outgoing *outgoing, struct file *file, uint64_t at, uint64_t size);
/* Whether all that there is was sent; a stream may bring more. */
PURE bool outgoing_is_empty(const struct outgoing *outgoing);
/* Whether there is more of it than that. */
PURE bool outgoing_exceeds(const struct outgoing *outgoing, size_t size);
/*
 * Takes up to `size` bytes off the front, joined in `scratch` unless they lie in one piece: how
 * many, with *bytes; 0 when there are none; -EIO when the file has become shorter, or another
 * -errno.
 */
MUST_USE ssize_t outgoing_take(struct outgoing *outgoing, char *scratch, size_t size,
	const char **bytes);
/* Whether a client that sees the connection end now would take a part of a body for all of it. */
PURE bool outgoing_would_look_whole(const struct outgoing *outgoing);

#endif
