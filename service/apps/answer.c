#include "service/apps/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_rules.h"
#include "service/apps/gzip.h"
#include "service/apps/multipart.h"
#include "service/response.h"
#include "service/view.h"

/* What a call refuses, the response remembers: the client gets a 500. */
static void add_field(struct narwhal_response *response, const char *name, const char *value)
{
	(void)narwhal_response_field(response, name, value);
}

static void add_lines(struct narwhal_response *response, const char *lines, size_t size)
{
	if (UNLIKELY(buffer_add(&response->fields, lines, size) != 0))
		response->error = -ENOMEM;
}

struct entry *answer_find(const struct answer *answer, struct narwhal_bytes target)
{
	return store_find(&answer->served->store, target.data, target.size,
		view_now_ms(answer->request));
}

/* Errors: */

/* In place of our own few words, if the setting names one that is there. */
static void show_page(const struct answer *answer, unsigned status)
{
	struct served *served = answer->served;
	struct narwhal_bytes target;
	const struct form *form;
	struct entry *entry;

	target.data = file_rules_error_page(served->store.site.settings->error_page, status,
		&target.size);
	entry = target.data != NULL ? answer_find(answer, target) : NULL;
	if (entry == NULL || entry->sight.kind != SIGHT_FILE ||
		store_form(&served->store, entry, ENCODING_identity, &form) != 0)
		return;
	response_reset(answer->response);
	answer->response->status = status;
	add_lines(answer->response, form->lines + form->untyped_size,
		form->lines_size - form->untyped_size);
	response_file(answer->response, form->file, 0, form->size);
}

void answer_refuse(const struct answer *answer, unsigned status)
{
	response_error(answer->response, status);
	show_page(answer, status);
}

/* Files: */

static void send_unsatisfiable(const struct answer *answer, uint64_t size)
{
	char bytes[64];
	struct text range = TEXT_OVER(bytes);

	text_add(&range, "bytes */");
	text_add_uint(&range, size);
	answer_refuse(answer, 416);
	add_field(answer->response, "Content-Range", bytes);
}

static void send_ranges(const struct answer *answer, const struct form *form,
	const struct ranges *ranges)
{
	struct narwhal_response *response = answer->response;
	const struct range *first = &ranges->parts[0];
	const struct multipart multipart = {
		.ranges = *ranges,
		.length = form->size,
		.boundary = answer->served->boundary++,
		.type = {form->lines + form->untyped_size, form->lines_size - form->untyped_size},
	};
	char bytes[80];
	struct text range = TEXT_OVER(bytes);

	(void)narwhal_response_status(response, 206);
	if (ranges->count > 1) {
		add_lines(response, form->lines, form->untyped_size);
		multipart_send(response, &multipart, form->file);
		return;
	}
	add_lines(response, form->lines, form->lines_size);
	multipart_add_range(&range, first, form->size);
	add_field(response, "Content-Range", bytes);
	response_file(response, form->file, first->first, first->last - first->first + 1);
}

static void send_whole(const struct answer *answer, const struct form *form)
{
	add_lines(answer->response, form->lines, form->lines_size);
	response_file(answer->response, form->file, 0, form->size);
}

static void send_file(const struct answer *answer, const struct form *form)
{
	const struct narwhal_bytes *range = &answer->wish.range;
	struct ranges ranges;

	if (LIKELY(range->size == 0)) {
		send_whole(answer, form);
		return;
	}
	switch (range_read(&ranges, range->data, range->size, form->size)) {
	case RANGE_WHOLE:
		send_whole(answer, form);
		return;
	case RANGE_PARTS:
		send_ranges(answer, form, &ranges);
		return;
	case RANGE_UNSATISFIABLE:
		send_unsatisfiable(answer, form->size);
		return;
	}
}

/* gzip of ours: */

/* Where a stream's result belongs: what is there under that name when it is done. */
struct result_origin {
	struct store *store;
	struct version version;
	size_t size;
	char target[];
};

static void keep_result(void *about, struct file *result)
{
	const struct result_origin *origin = about;
	struct entry *entry =
		store_known(origin->store, origin->target, origin->size, &origin->version);

	if (entry != NULL)
		store_keep_gzip(origin->store, entry, result);
}

static void stream_gzip(const struct answer *answer, const struct form *form, struct file *file)
{
	struct served *served = answer->served;
	const struct entry *entry = answer->entry;
	struct result_origin *origin = malloc(sizeof(*origin) + entry->node.key_size);
	const struct gzip_job job = {
		.file = file,
		.size = (uint64_t)entry->sight.versions[ENCODING_identity].size,
		.level = (int)served->store.site.settings->gzip_level,
		.running = &served->gzips,
		.kept_max = STORE_GZIP_MAX,
		.done = keep_result,
		.about = origin,
	};

	if (origin == NULL) {
		answer_refuse(answer, 503);
		return;
	}
	origin->store = &served->store;
	origin->version = entry->sight.versions[ENCODING_identity];
	origin->size = entry->node.key_size;
	memcpy(origin->target, entry->node.key, origin->size);
	add_lines(answer->response, form->lines, form->lines_size);
	gzip_send(answer->response, &job);
}

/* A small one, which lies in memory: made before it is sent, so that its size is known. */
static void send_small_gzip(const struct answer *answer, const struct form *form,
	const struct form *original)
{
	struct store *store = &answer->served->store;
	struct file *made;

	if (gzip_bytes(original->file->bytes, original->size, (int)store->site.settings->gzip_level,
		    &made) != 0) {
		answer_refuse(answer, 503);
		return;
	}
	if (made == NULL) {
		answer->entry->is_dense = true;
		send_whole(answer, original);
		return;
	}
	add_lines(answer->response, form->lines, form->lines_size);
	response_file(answer->response, made, 0, made->size);
	store_keep_gzip(store, answer->entry, made); /* the end of `form` */
	file_release(&made);
}

static void announce_gzip(const struct answer *answer, const struct form *form)
{
	add_lines(answer->response, form->lines, form->lines_size);
	gzip_announce(answer->response);
}

static int send_gzip(const struct answer *answer, const struct form *form)
{
	struct served *served = answer->served;
	const struct form *original;
	int error = store_form(&served->store, answer->entry, ENCODING_identity, &original);

	if (error != 0)
		return error;
	if (original->file->bytes != NULL)
		send_small_gzip(answer, form, original);
	else if (served->gzips >= GZIP_STREAMS_MAX)
		send_whole(answer, original);
	else if (answer->request->head->head)
		announce_gzip(answer, form);
	else
		stream_gzip(answer, form, original->file);
	return 0;
}

/* Representations: */

static enum encoding choose(const struct answer *answer)
{
	const struct entry *entry = answer->entry;
	unsigned there = entry->sight.encodings;

	/* Nobody could ask for the same range of what is made anew each time. */
	if (answer->wish.range.size == 0)
		there |= store_makes(entry);
	return encoding_choose(&answer->wish.encoding, there);
}

static int send_form(struct answer *answer, const struct form *form)
{
	struct narwhal_response *response = answer->response;

	switch (wish_weigh(&answer->wish, answer->request, form)) {
	case CONDITIONAL_SEND:
		if (UNLIKELY(form->file == NULL))
			return send_gzip(answer, form);
		send_file(answer, form);
		break;
	case CONDITIONAL_NOT_MODIFIED:
		(void)narwhal_response_status(response, 304);
		add_lines(response, form->lines, form->kept_size);
		break;
	case CONDITIONAL_FAILED:
		answer_refuse(answer, 412);
		break;
	}
	return 0;
}

int answer_file(struct answer *answer)
{
	enum encoding encoding = choose(answer);
	const struct form *form;
	int error;

	if (UNLIKELY(encoding == ENCODINGS)) {
		answer_refuse(answer, 406);
		add_field(answer->response, "Vary", "Accept-Encoding");
		return 0;
	}
	error = store_form(&answer->served->store, answer->entry, encoding, &form);
	return error == 0 ? send_form(answer, form) : error;
}
