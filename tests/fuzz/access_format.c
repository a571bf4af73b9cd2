/*
 * The access log: any format is refused with a reason or makes lines that are whole, of printable
 * characters and within their bound, whatever the request was. Up to the first LF the input is the
 * format, behind it a request's head, understood or not.
 */
#include <stdlib.h>
#include <string.h>

#include "service/access_line.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/head.h"

/* What stands in the format itself may be more than ASCII. */
static void check_line(const char *line, size_t size)
{
	MUST(size > 0 && size <= ACCESS_LINE_MAX && line[size - 1] == '\n');
	for (size_t i = 0; i + 1 < size; i++)
		MUST((unsigned char)line[i] >= ' ' && line[i] != '\x7f');
}

static void make_line(const struct access_format *format, const struct request *request,
	const char *bytes)
{
	static const struct peer peer = {.any = {.sa_family = AF_UNIX}};
	const struct access_end end = {.bytes = UINT64_MAX, .duration_us = UINT64_MAX};
	struct access_scene scene = {
		.times = {.clf = "[20/Nov/2026:11:50:00 +0000]", .iso = "2026-11-20T11:50:00.000Z"},
		.pid = {"<1>", 3},
	};
	struct origin origin = {
		.told = true,
		.identity = {.known = true, .made = "0123456789abcdef0123456789abcdef"},
		.forwarded = {.scheme = "https"},
	};
	const struct narwhal_request view = {
		.head = request,
		.bytes = bytes,
		.peer = &peer,
		.origin = &origin,
	};
	const struct access_facts facts = {
		.request = &view,
		.scene = &scene,
		.status = 599,
		.head = {bytes, request->at},
	};
	const uint64_t guess = request->at % 2 == 0 ? UINT64_MAX - 1 : UINT64_MAX;
	struct access_draft *draft = malloc(sizeof(*draft) + ACCESS_LINE_MAX + ACCESS_SLACK);
	char *line = malloc(ACCESS_LINE_MAX);

	MUST(draft != NULL && line != NULL);
	access_line_draft(format, &facts, guess, draft);
	check_line(line, access_line_end(format, draft, &end, line));
	free(draft);
	free(line);
}

static const struct request_limits limits = {.line = 8192,
	.fields = 64,
	.field_size = 8192,
	.head = 32768,
	.body = 0};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size != 0 ? memchr(data, '\n', size) : NULL;
	size_t format_size = end != NULL ? (size_t)(end - data) : size;
	size_t head_size = end != NULL ? size - format_size - 1 : 0;
	char why_bytes[1024], *text, *head;
	struct text why = TEXT_OVER(why_bytes);
	struct access_format format;
	struct request *request;
	int error;

	text = calloc(1, format_size + 1);
	MUST(text != NULL);
	memcpy(text, data, format_size);
	error = access_format_read(text, &format, &why);
	MUST((error != 0) == (why.used != 0));
	free(text);
	if (error != 0)
		return 0;
	request = malloc(request_size(&limits));
	MUST(request != NULL);
	request_reset(request);
	head = fuzz_copy(data + size - head_size, head_size);
	(void)request_parse(request, &limits, head, head_size);
	make_line(&format, request, head);
	free(head);
	free(request);
	access_format_free(&format);
	return 0;
}
