#include "service/outgoing.h"

#include <stdlib.h>

#include "service/access.h"
#include "service/stream.h"

#define KEPT_MAX ((size_t)256 * 1024)

void outgoing_free(struct outgoing *outgoing)
{
	buffer_free(&outgoing->bytes);
	buffer_free(&outgoing->body);
	outgoing_drop(outgoing);
	access_notes_free(&outgoing->notes);
	free(outgoing->label);
	*outgoing = (struct outgoing){0};
}

void outgoing_drop(struct outgoing *outgoing)
{
	file_release(&outgoing->file);
	outgoing->file_left = 0;
	outgoing->until_close = false;
	stream_end(&outgoing->stream);
}

bool outgoing_is_empty(const struct outgoing *outgoing)
{
	return outgoing->bytes_sent == outgoing->bytes.used &&
	       outgoing->body_sent == outgoing->body.used && outgoing->file_left == 0;
}

bool outgoing_would_look_whole(const struct outgoing *outgoing)
{
	return outgoing->until_close && (outgoing->stream != NULL || !outgoing_is_empty(outgoing));
}

void outgoing_reset(struct outgoing *outgoing)
{
	MUST(outgoing_is_empty(outgoing));
	outgoing->bytes.used = 0;
	outgoing->bytes_sent = 0;
	outgoing->body_sent = 0;
	outgoing->until_close = outgoing->until_close && outgoing->stream != NULL;
	if (outgoing->bytes.size > KEPT_MAX)
		buffer_free(&outgoing->bytes);
	if (outgoing->body.size != 0)
		buffer_free(&outgoing->body);
	if (outgoing->file != NULL)
		file_release(&outgoing->file);
	if (UNLIKELY(outgoing->label != NULL) && outgoing->stream == NULL) {
		free(outgoing->label);
		outgoing->label = NULL;
	}
}

void outgoing_file(struct outgoing *outgoing, struct file *file, uint64_t at, uint64_t size)
{
	MUST(outgoing->file_left == 0);
	file_release(&outgoing->file);
	outgoing->file = file_hold(file);
	outgoing->file_at = (off_t)at;
	outgoing->file_left = size;
}
